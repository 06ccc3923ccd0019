"""Look for the face in images again, once the extra `media` is installed."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import VerbCommand
from learning import faces
from learning.actions import image as images
from learning.management.progress import Progress
from learning.models import Image


class Command(VerbCommand):
    """`validate_people [--all]`."""

    help = "Look for faces in the images that were decoded only (or in --all of them)."

    def arguments(self, parser: CommandParser) -> None:
        """Take which images."""
        parser.add_argument("--all", action="store_true")

    def call(self, **options: Any) -> dict[str, Any]:
        """Validate; prints how many images were looked at and how many passed."""
        rows = Image.objects.filter(sample__object__isnull=False).select_related("sample__object")
        if not options["all"]:
            rows = rows.filter(validation_error=faces.NOT_LOOKED)
        progress, passed, looked = Progress(rows.count(), "images"), 0, 0
        for image in rows.order_by("pk").iterator(chunk_size=500):
            passed += images.validate(image, by=None).is_validated
            looked += 1
            progress.show(looked)
        progress.end()
        return {"looked_at": looked, "passed": passed, "media_installed": faces.is_installed()}
