"""Erase what the hub holds: `manage.py erase draft|show|confirm|run|list|replay`."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from accounts.management.base import VerbCommand
from core.errors import Invalid, Missing
from learning.actions import erasing, erasure, replaying
from learning.models import Erasure


class Command(VerbCommand):
    """`erase draft KIND JSON`, then `show ID`, `confirm ID --words "erase 3"`, `run ID`; `replay` after a restore."""

    help = "Ask for an erasure, look at it, confirm it, carry it out; after a restore, erase again what the ledger knows."

    def arguments(self, parser: CommandParser) -> None:
        """Take what to do and with which erasure."""
        parser.add_argument("what", choices=["draft", "show", "confirm", "run", "list", "replay"])
        parser.add_argument("which", nargs="?", default="", help="the erasure's id; for draft: plate, samples, camera, …")
        parser.add_argument("subject", nargs="?", default="", help='for draft: JSON, such as {"plate": "MH12AB1234"}')
        parser.add_argument("--words", default="", help="for confirm: what `show` says must be typed")
        parser.add_argument("--reference", default="", help="for draft: the number of the request")
        parser.add_argument("--file", type=Path, default=None, help="for replay: a page of the ledger kept elsewhere")

    def call(self, **options: Any) -> dict[str, Any]:
        """Do it."""
        match options["what"]:
            case "draft":
                made = erasure.draft(options["which"], _json(options["subject"]), by=None, reference=options["reference"])
                return _shown(erasure.gather(made.pk) or made)
            case "list":
                return {str(row.pk): f"{row.state}, {row.days_left} days left" for row in Erasure.objects.waiting()[:100]}
            case "replay":
                return _replay(options["file"])
            case "confirm":
                return _shown(erasure.confirm(_erasure(options["which"]), by=None, confirmation=options["words"]))
            case "run":
                row = _erasure(options["which"])
                return _shown(erasing.run(row.pk) or row)
        return _shown(_erasure(options["which"]))


def _replay(file: Path | None) -> dict[str, Any]:
    """Replay the ledger from the store, or from one page that was kept elsewhere."""
    answer = replaying.replay() if file is None else replaying.replay([file], from_store=False)
    again = answer.pop("erasure", None)
    return {**answer, **(_shown(_erasure(str(again))) if again else {})}


def _erasure(text: str) -> Erasure:
    try:
        row = Erasure.objects.filter(pk=UUID(text)).first()
    except ValueError:
        row = None
    if row is None:
        raise Missing(f"There is no erasure {text}.")
    return row


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Invalid(f"The subject is no JSON: {error}.") from error


def _shown(row: Erasure) -> dict[str, Any]:
    row.refresh_from_db()
    return {
        "erasure": str(row.pk),
        "kind": row.kind,
        "state": row.state,
        "due_at": row.due_at,
        "waits_for": row.waits_for,
        "counts": row.counts,
        "preview": erasure.preview(row),
        "confirmation": erasure.phrase(row),
        "touches": [
            f"{touch.kind} {touch.object_id}: {touch.consequence} {touch.decision}".strip() for touch in row.touches.all()
        ],
    }
