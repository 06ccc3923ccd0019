"""Write the tables as SQL for others."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.schema import FOLDER, files


class Command(BaseCommand):
    """`schema [--check]`: write docs/schema anew, or end with 1 where it is not what the models say."""

    help = "Write the tables as SQL below docs/schema, for PostgreSQL, SQLite and MySQL."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --check."""
        parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where a file is not current")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare every file, or write it."""
        folder = settings.BASE_DIR / FOLDER
        try:
            written = {folder / path: text for path, text in files()}
        except ModuleNotFoundError as missing:
            raise CommandError(f"{missing.name} is not installed; `make install-dev` brings it.") from missing
        old = set(folder.glob("*/*.sql")) - set(written)
        stale = [path for path, text in written.items() if not path.exists() or path.read_text() != text]
        if options["check"]:
            if names := ", ".join(sorted(str(path.relative_to(settings.BASE_DIR)) for path in {*stale, *old})):
                raise CommandError(f"Not what the models say, or of no use: {names}. `manage.py schema` writes them anew.")
            return
        for path in old:
            path.unlink()
        for path in stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(written[path])
