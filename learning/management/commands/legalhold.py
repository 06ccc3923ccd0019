"""Put and lift legal holds: `manage.py legalhold put|lift|list`."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from accounts.management.base import VerbCommand
from core.errors import Missing
from learning.actions import hold
from learning.models import City, LearningSample, LegalHold


class Command(VerbCommand):
    """`legalhold put CITY [--camera ID] [--sample ID…] --reason …`, `legalhold lift ID --reason …`, `legalhold list`."""

    help = "Hold a city, a camera or samples, so that nothing of them is deleted; lift a hold; list them."

    def arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        parser.add_argument("what", choices=["put", "lift", "list"])
        parser.add_argument("which", nargs="?", default="", help="for put: the city's slug; for lift: the hold's id")
        parser.add_argument("--camera", default="")
        parser.add_argument("--sample", action="append", default=[])
        parser.add_argument("--reason", default="")

    def call(self, **options: Any) -> dict[str, Any]:
        """Do it; prints the holds."""
        match options["what"]:
            case "put":
                rows = _put(options)
            case "lift":
                rows = [hold.lift(_hold(options["which"]), by=None, reason=options["reason"])]
            case _:
                rows = list(LegalHold.objects.standing().select_related("city", "camera", "sample")[:1_000])
        return {str(row.pk): f"{row}: {row.reason}" for row in rows}


def _put(options: dict[str, Any]) -> list[LegalHold]:
    city = City.objects.filter(slug=options["which"]).first()
    if city is None:
        raise Missing(f"There is no city {options['which']}.")
    if options["sample"]:
        samples = LearningSample.objects.select_related("city").filter(city=city, sample_id__in=options["sample"])
        return hold.put_on_samples(list(samples), by=None, reason=options["reason"])
    camera = city.cameras.filter(camera_id=options["camera"]).first()
    if options["camera"] and camera is None:
        raise Missing(f"{city} has no camera {options['camera']}.")
    return [hold.put(city, by=None, reason=options["reason"], camera=camera)]


def _hold(text: str) -> LegalHold:
    try:
        row = LegalHold.objects.select_related("city").filter(pk=UUID(text)).first()
    except ValueError:
        row = None
    if row is None:
        raise Missing(f"There is no hold {text}.")
    return row
