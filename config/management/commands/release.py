"""Mark a release: `manage.py release 0.2.0` writes down its migrations, against which later ones are held."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import migration_rule
from config.version import VERSION


class Command(BaseCommand):
    """`release VERSION`: the version that pyproject.toml says."""

    help = "Write down which migrations this release has (config/releases.json); tests hold later ones against it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the version, as a word of care."""
        parser.add_argument("version")

    def handle(self, *args: Any, **options: Any) -> None:
        """Mark it."""
        if options["version"] != VERSION:
            raise CommandError(f"pyproject.toml says {VERSION}; change it first, and CHANGELOG.md.")
        made = migration_rule.mark(VERSION)
        self.stdout.write(f"{made.version}: " + ", ".join(f"{app} {name}" for app, name in made.migrations.items()))
