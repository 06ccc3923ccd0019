"""Make a customer."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.actions import organization
from accounts.management.base import VerbCommand
from accounts.models import Plan


class Command(VerbCommand):
    """`addorganization SLUG --plan enterprise`."""

    help = "Make an organization."

    def arguments(self, parser: CommandParser) -> None:
        """Take slug, plan and name."""
        parser.add_argument("slug")
        parser.add_argument("--plan", default=Plan.PROFESSIONAL, choices=Plan.values)
        parser.add_argument("--name", default="")

    def call(self, **options: Any) -> dict[str, Any]:
        """Add it; prints id and slug."""
        made = organization.add(options["slug"], by=None, name=options["name"], plan=options["plan"])
        return {"id": made.pk, "slug": made.slug, "plan": made.plan}
