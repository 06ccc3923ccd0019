"""Backfill people and their images from folders."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import VerbCommand
from core.errors import Missing
from learning import people_files
from learning.actions import module as modules
from learning.actions import people_import
from learning.management.progress import Progress
from learning.models import AiModule, PersonStatus, Task

MODULE = "people"


class Command(VerbCommand):
    """`import_people FOLDER [--module SLUG] [--domain NAME]`; the same again changes nothing."""

    help = "Import people from folders <normalized_name>/<files>; people.csv beside them gives names and Wikidata ids."

    def arguments(self, parser: CommandParser) -> None:
        """Take the folder, the module its images are samples of, and the domain."""
        parser.add_argument("folder", type=Path)
        parser.add_argument("--module", default=MODULE, help="slug; the module people is made where it is not there")
        parser.add_argument("--domain", default="", help="the folder's name where it is not given")
        parser.add_argument("--names", type=Path, help="a CSV with normalized_name, full_name, wikidata_id …")
        parser.add_argument("--status", choices=PersonStatus.values, default=PersonStatus.PENDING, help="of new people")
        parser.add_argument("--consent", action="store_true", help="these people consented to be trained on")

    def call(self, **options: Any) -> dict[str, Any]:
        """Import; prints counts, collisions of names, who has too few images, and what was not validated why."""
        root, names = options["folder"], options["names"]
        if not root.is_dir() or (names and not names.is_file()):
            raise CommandError(f"There is no folder {root}, or no file of names {names}.")
        folders = list(people_files.folders_in(root, names))
        progress = Progress(sum(len(folder.files) for folder in folders), "images")
        report = people_import.run(
            folders,
            by=None,
            module=_module(options["module"]),
            domain=options["domain"] or root.resolve().name,
            status=options["status"],
            consent=options["consent"],
            tick=lambda report: progress.show(report.files, f"{report.people:,} people"),
        )
        progress.end()
        return report.as_document()


def _module(slug: str) -> AiModule:
    found = AiModule.objects.filter(slug=slug).first()
    if found is None and slug == MODULE:
        return modules.add(MODULE, by=None, name="People", task=Task.CLASSIFICATION)
    if found is None:
        raise Missing(f"There is no module {slug}.")
    return found
