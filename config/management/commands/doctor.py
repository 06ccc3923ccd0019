"""Say what is configured, what answers, and what is wrong: `manage.py doctor`."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import doctor


class Command(BaseCommand):
    """`doctor [--json]`; exit status 1 where something is wrong."""

    help = (
        "Look at settings, database, queue, workers, store, trust, people, disk and backups, and say how to mend what is wrong."
    )
    requires_system_checks: list[str] = []  # what they say is among its lines

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --json."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine, print, and fail where something is wrong."""
        lines = doctor.examine()
        wrong = [line for line in lines if line.verdict == doctor.FAIL]
        if options["json"]:
            self.stdout.write(json.dumps({"ok": not wrong, "lines": [asdict(line) for line in lines]}))
        else:
            width = max(len(line.name) for line in lines)
            for line in lines:
                self.stdout.write(f"{line.verdict:<4}  {line.name:<{width}}  {line.detail}")
                if line.mend:
                    self.stdout.write(f"{'':<4}  {'':<{width}}  → {line.mend}")
        if wrong:
            raise CommandError(f"{len(wrong)} wrong: {', '.join(line.name for line in wrong)}.")
