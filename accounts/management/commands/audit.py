"""Prove the audit log: `audit verify` walks the seals from the first to the last."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.actions import sealing
from accounts.management.base import VerbCommand


class Command(VerbCommand):
    """`audit verify [--expect HEAD]`; exit status 1 where something is not as it was sealed."""

    help = "Hash every sealed event anew and hold it against its seal. Note the head elsewhere: whoever rewrote all would need that too."

    def arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        parser.add_argument("what", choices=("verify",))
        parser.add_argument("--expect", default="", metavar="HEAD", help="a head that an earlier walk printed")

    def call(self, **options: Any) -> dict[str, Any]:
        """Walk; raises CommandError with the first of what is broken."""
        verdict = sealing.verify(by=None, expect=options["expect"])
        if not verdict.is_whole:
            raise CommandError(" ".join(verdict.broken[:10]))
        return {
            "verdict": "whole",
            "seals": verdict.seals,
            "events": verdict.events,
            "unsealed": verdict.unsealed,
            "head": verdict.head,
        }
