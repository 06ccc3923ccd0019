"""Import gesture examples from a folder of NPZ files, or from the rows of a CSV."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.management.base import VerbCommand
from core.errors import Missing
from learning import example_files
from learning.actions import example_import
from learning.actions.example_writing import Facts
from learning.example_files import Columns
from learning.management.progress import Progress
from learning.models import AiModule, ExampleStatus


class Command(VerbCommand):
    """`import_examples FOLDER|CSV --module SLUG --user ID …`; the same again changes nothing."""

    help = (
        "Import examples: NPZ files, each labelled like its folder (or all by --label); or a CSV, a row each, e.g. "
        "--label-column 0 --features 1-42 --rows 21 --labels labels.csv."
    )

    def arguments(self, parser: CommandParser) -> None:
        """Take the source, whose they are, and for a CSV which columns mean what."""
        parser.add_argument("source", type=Path)
        parser.add_argument("--module", required=True, help="slug of a module of the task features")
        parser.add_argument("--user", required=True, help="user_id of the examples")
        parser.add_argument("--session")
        parser.add_argument("--performer")
        parser.add_argument("--timestamp", help="when they were captured, ISO 8601; now where it is not given")
        parser.add_argument("--label-status", choices=ExampleStatus.values, default=ExampleStatus.UNCONFIRMED)
        parser.add_argument("--label", default="", help="one label for all files of a folder")
        parser.add_argument("--rename", action="append", default=[], metavar="OLD=NEW", help="a label in the schema's words")
        parser.add_argument("--consent", action="store_true", help="the user consented to training")
        parser.add_argument("--demo", action="store_true", help="these are for show")
        parser.add_argument("--label-column", type=int, default=0)
        parser.add_argument("--features", help="for a CSV: the columns of the numbers, like 1-42, counted from 0")
        parser.add_argument("--rows", type=int, default=1, help="for a CSV: how many rows of the array a line makes")
        parser.add_argument("--labels", type=Path, help="for a CSV: a file with a label a line, for whole numbers as labels")
        parser.add_argument("--header", action="store_true", help="for a CSV: the first line names the columns")

    def call(self, **options: Any) -> dict[str, Any]:
        """Import; prints what was found, added, there already, and refused why."""
        module = AiModule.objects.filter(slug=options["module"]).first()
        if module is None:
            raise Missing(f"There is no module {options['module']}.")
        source = options["source"]
        columns = _columns(source, options)
        labels = dict(text.split("=", 1) for text in options["rename"] if "=" in text)
        found = list(example_import.source_at(source, label=options["label"], columns=columns))
        progress = Progress(len(found), "examples")
        report = example_import.run(
            found,
            by=None,
            module=module,
            facts=_facts(options),
            columns=columns,
            labels=labels,
            tick=lambda report: progress.show(report.found, f"{sum(report.refused.values()):,} refused"),
        )
        progress.end()
        return report.as_document()


def _facts(options: dict[str, Any]) -> Facts:
    moment = parse_datetime(options["timestamp"]) if options["timestamp"] else timezone.now()
    if moment is None:
        raise CommandError("--timestamp is a moment, like 2026-11-20T12:00:00Z.")
    return Facts(
        user_id=options["user"],
        label="",
        label_status=options["label_status"],
        session_id=options["session"],
        performer_id=options["performer"],
        timestamp=moment if moment.tzinfo else timezone.make_aware(moment),
        consent_given=options["consent"],
        is_demo=options["demo"],
    )


def _columns(source: Path, options: dict[str, Any]) -> Columns | None:
    """Read the mapping of a CSV; None for a folder."""
    if source.is_dir():
        return None
    if not source.is_file():
        raise CommandError(f"There is no folder or file {source}.")
    if not options["features"]:
        raise CommandError("A CSV needs --features: the columns of the numbers, like 1-42.")
    try:
        first, last = example_files.spans(options["features"])
        names = example_files.labels_of(options["labels"]) if options["labels"] else ()
    except (ValueError, OSError) as error:
        raise CommandError(str(error)) from error
    if options["rows"] < 1 or (last - first + 1) % options["rows"] or options["label_column"] < 0:
        raise CommandError("The number of columns is a multiple of --rows, and --label-column a column.")
    return Columns(options["label_column"], first, last, options["rows"], names, options["header"])
