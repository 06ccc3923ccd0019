"""Prove the object store, set its bucket up, compare it with the rows."""

import json
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import Refusal
from core.store_check import Verdict
from learning.actions import store
from learning.models import StoreReport

MARKS = {Verdict.OK: "OK  ", Verdict.FAIL: "FAIL", Verdict.NOTE: "note"}


class Command(BaseCommand):
    """`storage check`, `storage setup`, `storage reconcile [--delete-orphans]`; exit status 1 where something is wrong."""

    help = "check: prove what the store promises. setup: write CORS, public-access block, lifecycle. reconcile: compare with the rows."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one of the three and its options."""
        parser.add_argument("what", choices=("check", "setup", "reconcile"))
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--delete-orphans", action="store_true", help="with reconcile: remove what no row names")
        parser.add_argument("--origin", default="", help="with setup: where the portal is (default: PUBLIC_URL)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, print it, and fail where something is wrong."""
        verb = {"check": self._check, "setup": self._setup, "reconcile": self._reconcile}[options["what"]]
        try:
            verb(options)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal

    def _check(self, options: dict[str, Any]) -> None:
        report = store.check(by=None)
        broken = store.broken_lines(report.facts)
        lines = [f"store  {report.identity}"]
        for line in report.facts["lines"]:
            forgiven = line["verdict"] == Verdict.FAIL and line not in broken
            lines.append(f"{MARKS[Verdict(line['verdict'])]}  {line['name']}: {line['detail']}")
            if line["mend"]:
                lines.append(f"      {'allowed by STORE_ALLOW_OVERWRITE' if forgiven else line['mend']}")
        self._say(report, lines, options)
        if broken:
            raise CommandError(f"{len(broken)} promises are broken: {', '.join(line['name'] for line in broken)}.")

    def _setup(self, options: dict[str, Any]) -> None:
        parts = urlsplit(options["origin"] or settings.PUBLIC_URL)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise CommandError("The portal's origin must look like https://hub.example.org.")
        changed = store.setup(f"{parts.scheme}://{parts.netloc}", by=None)
        self.stdout.write(
            json.dumps(changed) if options["json"] else "\n".join(f"{name}: {what}" for name, what in changed.items())
        )

    def _reconcile(self, options: dict[str, Any]) -> None:
        report = store.reconcile(by=None, delete_orphans=options["delete_orphans"])
        lines = [f"{name.ljust(13)} {value}" for name, value in report.facts.items() if isinstance(value, int)]
        lines += [f"no row        {name}" for name in report.facts["first_orphans"]]
        lines += [f"lost          {name}" for name in report.facts["first_lost"]]
        self._say(report, lines, options)
        if not report.passed:
            raise CommandError(f"{report.facts['lost']} rows have no object, {report.facts['orphans']} objects have no row.")

    def _say(self, report: StoreReport, lines: list[str], options: dict[str, Any]) -> None:
        answer = {"store": report.identity, "passed": report.passed, **report.facts}
        self.stdout.write(json.dumps(answer) if options["json"] else "\n".join(lines))
