"""Prove a frozen version: `manage.py dataset verify NAME@VERSION`."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import VerbCommand
from core.errors import Missing
from training.models import DatasetVersion
from training.verification import verify

TOLD = 10_000


class Command(VerbCommand):
    """`dataset verify NAME@VERSION [--objects] [--organization SLUG]`."""

    help = "Read manifest, truth and, if asked, objects of a frozen version again, and prove its fingerprint."

    def arguments(self, parser: CommandParser) -> None:
        """Take what to do and the version."""
        parser.add_argument("what", choices=["verify"])
        parser.add_argument("version", help="NAME@VERSION, such as meter-digits@v1.0.0")
        parser.add_argument("--organization", default=None, help="the slug of the dataset's organization")
        parser.add_argument("--objects", action="store_true", help="read and hash the members' objects too")

    def call(self, **options: Any) -> dict[str, Any]:
        """Verify; a version that is not sound is a failure with its faults."""
        version = _version(options["version"], options["organization"])
        verdict = verify(version, objects=options["objects"], tick=self._tell)
        if verdict.faults:
            raise CommandError("\n".join(verdict.faults))
        return {
            "version": options["version"],
            "fingerprint": verdict.fingerprint,
            "members": verdict.members,
            "erased": verdict.erased,
        }

    def _tell(self, done: int) -> None:
        """Say on a terminal how far it is."""
        if done and done % TOLD == 0 and self.stderr.isatty():
            self.stderr.write(f"{done:,} members", ending="\r")


def _version(text: str, organization: str | None) -> DatasetVersion:
    name, _, number = text.rpartition("@")
    rows = DatasetVersion.objects.filter(dataset__name=name, version=number, frozen_at__isnull=False)
    rows = rows.filter(dataset__organization__slug=organization) if organization else rows.filter(dataset__organization=None)
    found = rows.select_related("manifest", "truth").order_by("-created_at").first()
    if found is None:
        raise Missing(f"There is no version {text} that is frozen.")
    return found
