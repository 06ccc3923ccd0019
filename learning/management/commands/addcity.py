"""Make a city and its machine user."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import VerbCommand
from accounts.models import Organization
from core.errors import Missing
from learning.actions import city


class Command(VerbCommand):
    """`addcity SLUG [--organization SLUG]`."""

    help = "Make a city; issuekey SLUG then makes its key."

    def arguments(self, parser: CommandParser) -> None:
        """Take the slug, the organization, a name for people and the time zone."""
        parser.add_argument("slug")
        parser.add_argument("--organization", default="")
        parser.add_argument("--name", default="")
        parser.add_argument("--timezone", default="UTC")

    def call(self, **options: Any) -> dict[str, Any]:
        """Add it; prints id and slug."""
        slug = options["organization"]
        organization = Organization.objects.filter(slug=slug).first() if slug else None
        if slug and organization is None:
            raise Missing(f"There is no organization {slug}.")
        made = city.add(options["slug"], by=None, name=options["name"], organization=organization, timezone=options["timezone"])
        return {"id": made.pk, "slug": made.slug, "organization": slug or None, "timezone": made.timezone}
