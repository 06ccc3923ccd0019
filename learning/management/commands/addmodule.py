"""Make an AI module from a schema file."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import VerbCommand
from learning.actions import module
from learning.models import Task

PARTS = ("labels", "attributes", "text", "reasons", "review_policy", "accepts_unlabelled", "encoding", "dims")


class Command(VerbCommand):
    """`addmodule SLUG --task classification --schema FILE`."""

    help = "Make an AI module; the schema file is JSON with labels, attributes, text, reasons."

    def arguments(self, parser: CommandParser) -> None:
        """Take the slug, the task, the schema and a name for people."""
        parser.add_argument("slug")
        parser.add_argument("--task", required=True, choices=Task.values)
        parser.add_argument("--schema", required=True, type=Path, help=f"JSON object with {', '.join(PARTS)}")
        parser.add_argument("--name", default="")

    def call(self, **options: Any) -> dict[str, Any]:
        """Add it; prints slug, revision and labels."""
        try:
            schema = json.loads(options["schema"].read_text())
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['schema']} cannot be read as JSON: {error}") from error
        if not isinstance(schema, dict) or set(schema) - set(PARTS):
            raise CommandError(f"A schema file holds one object with {', '.join(PARTS)} and nothing else.")
        made = module.add(options["slug"], by=None, name=options["name"], task=options["task"], **schema)
        return {"id": made.pk, "slug": made.slug, "task": made.task, "revision": 1, "labels": made.schema.names}
