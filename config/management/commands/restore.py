"""Put the hub back from a backup: `manage.py restore FOLDER/STAMP`, into an empty hub, with web and workers stopped."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import VerbCommand
from config.backup import restoring


class Command(VerbCommand):
    """`restore SET`, or `restore --go-on` for one that was stopped or waits for a word."""

    help = "Put a set back into an empty hub, erase again what was erased since, and open it (docs/operations.md)."

    def arguments(self, parser: CommandParser) -> None:
        """Take the set, and what the person knows of erasures since."""
        parser.add_argument("set", type=Path, nargs="?", help="the folder of one set")
        parser.add_argument("--go-on", action="store_true", help="do what is left of a restore")
        parser.add_argument(
            "--ledger",
            type=Path,
            action="append",
            default=[],
            help="a page of the ledger of erasures, or a folder of them (LEDGER_DIR)",
        )
        parser.add_argument(
            "--nothing-erased-since",
            action="store_true",
            help="your word, which is recorded, that no erasure was confirmed after the backup",
        )
        parser.add_argument(
            "--revoked",
            action="append",
            default=[],
            metavar="PREFIX",
            help="an access key that was revoked after the backup; revoked again before the hub opens",
        )
        parser.add_argument("--without-keys", action="store_true", help="leave the signing keys that are here")

    def call(self, **options: Any) -> dict[str, Any]:
        """Restore, or go on."""
        words = {
            "ledgers": options["ledger"],
            "nothing_erased_since": options["nothing_erased_since"],
            "revoked_since": options["revoked"],
        }
        if options["go_on"] == bool(options["set"]):
            raise CommandError("Name the folder of a set, or --go-on.")
        if options["go_on"]:
            return restoring.go_on(**words)
        return restoring.restore(options["set"].absolute(), without_trust=options["without_keys"], **words)
