"""Name the networks in which the hub may call a customer's edge servers."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.actions import organization
from accounts.management.base import VerbCommand
from accounts.models import Organization
from core.errors import Missing


class Command(VerbCommand):
    """`allowcallbacks SLUG 10.1.0.0/16 …`; no network at all takes the permission back."""

    help = "Let the hub push to edge servers in these private networks (CIDR); replaces what was allowed before."

    def arguments(self, parser: CommandParser) -> None:
        """Take the organization and its networks."""
        parser.add_argument("slug")
        parser.add_argument("nets", nargs="*", metavar="NET")

    def call(self, **options: Any) -> dict[str, Any]:
        """Keep them; prints what is allowed now."""
        found = Organization.objects.filter(slug=options["slug"]).first()
        if found is None:
            raise Missing(f"There is no organization {options['slug']}.")
        changed = organization.allow_callbacks(found, options["nets"], by=None)
        return {"slug": changed.slug, "callback_nets": changed.callback_nets}
