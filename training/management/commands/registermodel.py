"""Register a model that was trained elsewhere."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import VerbCommand
from accounts.models import Organization, User
from core.errors import Invalid, Missing
from core.pages import found
from learning.models import AiModule
from training.actions import registration as verbs


class Command(VerbCommand):
    """`registermodel FILE --module SLUG --by EMAIL --source TEXT --licence TEXT`."""

    help = "Register a bundle, or with --config an ONNX file; it is looked at before this ends, and becomes a draft."

    def arguments(self, parser: CommandParser) -> None:
        """Take the file, the module, who registers it, and where it is from."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--module", required=True)
        parser.add_argument("--by", required=True, help="e-mail of the person who registers it, and so cannot approve it")
        parser.add_argument("--source", required=True, help="where it is from")
        parser.add_argument("--licence", required=True)
        parser.add_argument("--config", type=Path, help="JSON: labels, preprocessing, output; needed for a bare ONNX file")
        parser.add_argument("--organization", default="")
        parser.add_argument("--name", default="")
        parser.add_argument("--number", default="", help="like 1.2.0; else the next free one")
        parser.add_argument("--notes", default="")

    def call(self, **options: Any) -> dict[str, Any]:
        """Register it; prints the version, or fails with the sentence that says why not."""
        path: Path = options["file"]
        by = User.objects.filter(email=options["by"], is_active=True).first()
        if by is None:
            raise Missing(f"There is nobody with the address {options['by']}.")
        facts: dict[str, Any] = {"config": _config(options["config"])} if options["config"] else {}
        if options["organization"]:
            facts["organization"] = found(Organization.objects.all(), slug=options["organization"])
        if not path.is_file():
            raise Missing(f"There is no file {path}.")
        row = verbs.bring(
            found(AiModule.objects.all(), slug=options["module"]),
            path,
            by=by,
            name=options["name"] or path.stem[:120],
            source=options["source"],
            licence=options["licence"],
            version=options["number"],
            notes=options["notes"],
            **facts,
        )
        made = verbs.check(row.pk)
        row.refresh_from_db()
        if row.error_message:
            raise Invalid(row.error_message)
        return {"registration": row.pk, "state": row.state, "version": str(made or ""), "model": row.model_version_id}


def _config(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Invalid(f"{path} is no JSON file that can be read.") from error
