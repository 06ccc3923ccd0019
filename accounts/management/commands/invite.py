"""Make a new one-time link for somebody who lost their password, or their second factor."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.actions import invitation, user
from accounts.management.base import VerbCommand
from accounts.models import User
from core.errors import Missing


class Command(VerbCommand):
    """`invite EMAIL [--reset-factors]`: how the last super admin comes in again."""

    help = "Print a new one-time link for a person; the old password ends when it is used."

    def arguments(self, parser: CommandParser) -> None:
        """Take the address."""
        parser.add_argument("email")
        parser.add_argument("--reset-factors", action="store_true", help="take authenticator app, passkeys and codes away too")

    def call(self, **options: Any) -> dict[str, Any]:
        """Invite; prints the link."""
        person = User.objects.filter(email=options["email"].lower()).first()
        if person is None:
            raise Missing(f"There is no user {options['email']}.")
        taken = user.reset_factors(person, by=None) if options["reset_factors"] else 0
        return {"email": person.email, "factors_taken": taken, "link": invitation.invite(person, by=None)}
