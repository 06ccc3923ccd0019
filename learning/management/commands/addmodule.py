"""Make an AI module from a schema file, ours or another tool's."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import VerbCommand
from learning import schema_files
from learning.actions import module
from learning.models import Task

PARTS = (
    "labels",
    "attributes",
    "text",
    "reasons",
    "reject_reasons",
    "guide",
    "review_policy",
    "accepts_unlabelled",
    "min_quality",
    "encoding",
    "dims",
)


class Command(VerbCommand):
    """`addmodule SLUG --task classification --schema FILE`, or `addmodule SLUG --from FILE`."""

    help = "Make an AI module; the schema file is JSON with labels, attributes, text, reasons, or the export of another tool."

    def arguments(self, parser: CommandParser) -> None:
        """Take the slug, the task, the schema and a name for people."""
        parser.add_argument("slug")
        parser.add_argument("--task", choices=Task.values, help="needed with --schema; another tool's file tells it")
        given = parser.add_mutually_exclusive_group(required=True)
        given.add_argument("--schema", type=Path, help=f"JSON object with {', '.join(PARTS)}")
        given.add_argument("--from", type=Path, dest="export", help="a file of COCO, CVAT, YOLO or Label Studio")
        parser.add_argument("--name", default="")

    def call(self, **options: Any) -> dict[str, Any]:
        """Add it; prints slug, revision and labels, and what of an export was left out."""
        task, notes = options["task"], []
        if options["export"]:
            draft = schema_files.read(_content(options["export"]), options["export"].name)
            task, notes = task or draft.task, draft.notes
            schema: dict[str, Any] = {"labels": draft.labels, "attributes": draft.attributes}
        else:
            schema = _schema(options["schema"])
        if task is None:
            raise CommandError("Say with --task what its answers are.")
        made = module.add(options["slug"], by=None, name=options["name"], task=task, **schema)
        told = {"id": made.pk, "slug": made.slug, "task": made.task, "revision": 1, "labels": made.schema.names}
        return {**told, "notes": notes} if options["export"] else told


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error}") from error


def _schema(path: Path) -> dict[str, Any]:
    try:
        schema = json.loads(_content(path))
    except ValueError as error:
        raise CommandError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(schema, dict) or set(schema) - set(PARTS):
        raise CommandError(f"A schema file holds one object with {', '.join(PARTS)} and nothing else.")
    return schema
