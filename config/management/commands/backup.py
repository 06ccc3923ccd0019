"""Back the hub up: `manage.py backup FOLDER`, while it runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import VerbCommand
from config.backup import taking


class Command(VerbCommand):
    """`backup FOLDER [--keep 14] [--without-keys]`: one more set below the folder."""

    help = "Write database, trust keys and the file store's objects as one more set below a folder (docs/operations.md)."

    def arguments(self, parser: CommandParser) -> None:
        """Take where to, and how many sets stay."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("--keep", type=int, default=taking.KEEP, help="how many sets stay; 0: all")
        parser.add_argument("--without-keys", action="store_true", help="leave the signing keys out; keep them elsewhere then")

    def call(self, **options: Any) -> dict[str, Any]:
        """Take it."""
        keep = max(0, options["keep"])
        return dict(taking.take(options["folder"].absolute(), keep=keep, with_keys=not options["without_keys"]).facts)
