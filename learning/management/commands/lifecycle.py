"""Keep the retention rules: `manage.py lifecycle plan|run`."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import VerbCommand
from learning.actions import lifecycle


class Command(VerbCommand):
    """`lifecycle plan` says what is due; `lifecycle run` does it (`--dry-run` is the plan)."""

    help = "Say what the retention rules make due, or do it: mark, delete after the grace, archive, expire."

    def arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        parser.add_argument("what", choices=["plan", "run"])
        parser.add_argument("--dry-run", action="store_true", help="only say what a run would do")

    def call(self, **options: Any) -> dict[str, Any]:
        """Plan or run; prints per step how many objects and bytes, examples, and what is kept back."""
        if options["what"] == "plan" or options["dry_run"]:
            return dict(lifecycle.plan(by=None))
        return dict(lifecycle.run(by=None).counts)
