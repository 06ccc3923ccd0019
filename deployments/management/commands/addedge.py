"""Make an edge server and print the code and the root's hash that its agent enrols with."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import VerbCommand
from accounts.models import Organization
from core.errors import Missing
from deployments.actions import edge_server
from learning.models import AiModule, City


class Command(VerbCommand):
    """`addedge NAME --organization SLUG --module SLUG…`."""

    help = "Make an edge server; prints its enrolment code (once, good for 24 hours) and the root's SHA-256."

    def arguments(self, parser: CommandParser) -> None:
        """Take the name, whose it is, and its modules."""
        parser.add_argument("name")
        parser.add_argument("--organization", default="")
        parser.add_argument("--city", default="")
        parser.add_argument("--group", default="")
        parser.add_argument("--module", action="append", required=True, dest="modules")

    def call(self, **options: Any) -> dict[str, Any]:
        """Add it; prints id, code and root_sha256."""
        organization, city = options["organization"], options["city"]
        edge, code, root_sha256 = edge_server.add(
            options["name"],
            by=None,
            organization=_named(Organization, organization) if organization else None,
            modules=[_named(AiModule, slug) for slug in dict.fromkeys(options["modules"])],
            city=_named(City, city) if city else None,
            group=options["group"],
        )
        return {"id": edge.pk, "name": edge.name, "code": code, "root_sha256": root_sha256}


def _named(model: Any, slug: str) -> Any:
    found = model.objects.filter(slug=slug).first()
    if found is None:
        raise Missing(f"There is no {model._meta.verbose_name} {slug}.")
    return found
