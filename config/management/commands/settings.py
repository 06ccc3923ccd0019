"""Write docs/settings.md from the table of settings, or say whether it is so."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import reference


class Command(BaseCommand):
    """`settings [--check]`."""

    help = "Write docs/settings.md from config/reference.py; --check only compares."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --check."""
        parser.add_argument("--check", action="store_true", help="exit status 1 where the file is another")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write or compare."""
        file = settings.BASE_DIR / reference.FILE
        if not options["check"]:
            file.write_text(reference.page())
        elif file.read_text() != reference.page():
            raise CommandError(f"{reference.FILE} is not what config/reference.py says; run manage.py settings.")
