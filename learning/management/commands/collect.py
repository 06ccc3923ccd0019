"""Begin to collect people's images; a worker does it."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import VerbCommand
from core.errors import Missing
from learning.actions import collecting, collection
from learning.models import AiModule


class Command(VerbCommand):
    """`collect --domain NAME [--occupation …] [--country …] [--name …]`."""

    help = "Collect images of the best known people of an occupation and country, or of given names or Wikidata ids."

    def arguments(self, parser: CommandParser) -> None:
        """Take whom, and how much."""
        parser.add_argument("--domain", required=True)
        parser.add_argument("--module", default="people", help="slug of the module the images become samples of")
        parser.add_argument("--occupation", default="")
        parser.add_argument("--country", default="")
        parser.add_argument("--name", action="append", default=[], dest="names", help="a name or Wikidata id; may be repeated")
        parser.add_argument("--names", type=Path, dest="file", help="a file with a name or Wikidata id a line")
        parser.add_argument("--people", type=int, default=20)
        parser.add_argument("--images", type=int, default=40, help="of each person")
        parser.add_argument("--serp", action="store_true", help="buy searches where free images are too few")
        parser.add_argument("--here", action="store_true", help="do it in this process instead of a worker")

    def call(self, **options: Any) -> dict[str, Any]:
        """Begin; prints the collection's id and, with --here, what came of it."""
        module = AiModule.objects.filter(slug=options["module"]).first()
        if module is None:
            raise Missing(f"There is no module {options['module']}.")
        session = collection.start(
            by=None,
            domain=options["domain"],
            module=module,
            occupation=options["occupation"],
            country=options["country"],
            names=[*options["names"], *_lines(options["file"])],
            people=options["people"],
            images_per_person=options["images"],
            use_serp=options["serp"],
        )
        if options["here"]:
            collecting.run(session.pk)
            session.refresh_from_db()
        shown = ("session_id", "status", "total_people", "people_completed", "people_failed", "total_images_downloaded")
        return {name: getattr(session, name) for name in (*shown, "estimated_serp_cost", "error_message")}


def _lines(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
