"""What every command of ours has: --json, refusals as one sentence, exit status 1."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import Refusal


class VerbCommand(BaseCommand):
    """A command that calls one verb and prints what came of it, for people or with --json for programs."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --json and what `arguments` adds."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        self.arguments(parser)

    def arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the verb."""

    def call(self, **options: Any) -> dict[str, Any]:
        """Call the verb and answer what to print."""
        raise CommandError("this command does nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Call, print, or fail with the refusal's sentence."""
        try:
            answer = self.call(**options)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(answer, default=str))
        else:
            width = max(map(len, answer), default=0)
            for name, value in answer.items():
                self.stdout.write(f"{name.ljust(width)}  {value}")
