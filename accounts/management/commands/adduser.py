"""Make a person and print a one-time link to log in."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.actions import invitation, user
from accounts.management.base import VerbCommand
from accounts.models import Organization, Role
from core.errors import Missing


class Command(VerbCommand):
    """`adduser EMAIL --role super_admin [--organization SLUG]`."""

    help = "Make a person and print a one-time invitation link; a machine comes in by a key (issuekey)."

    def arguments(self, parser: CommandParser) -> None:
        """Take the address, the role and the organization."""
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--organization", default="")
        parser.add_argument("--name", default="")

    def call(self, **options: Any) -> dict[str, Any]:
        """Add the user; prints id, address, and the link of a person."""
        slug = options["organization"]
        organization = Organization.objects.filter(slug=slug).first() if slug else None
        if slug and organization is None:
            raise Missing(f"There is no organization {slug}.")
        email = options["email"]
        made = user.add(options["name"] or email, role=options["role"], by=None, email=email, organization=organization)
        said = {"id": made.pk, "email": made.email, "role": made.role}
        return said if made.is_machine else {**said, "link": invitation.invite(made, by=None)}
