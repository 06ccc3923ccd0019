"""Issue an access key for a machine, or for a person's app."""

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Q

from accounts.actions import access_key
from accounts.management.base import VerbCommand
from accounts.models import User
from core.errors import Missing


class Command(VerbCommand):
    """`issuekey NAME [--scope …] [--days N]`, NAME a machine's name or a person's e-mail address."""

    help = "Issue an access key and print it once."

    def arguments(self, parser: CommandParser) -> None:
        """Take the name, scopes and life time."""
        parser.add_argument("name")
        parser.add_argument("--scope", action="append", default=[])
        parser.add_argument("--days", type=int, default=None)

    def call(self, **options: Any) -> dict[str, Any]:
        """Issue the key; prints prefix and text."""
        name = options["name"]
        user = User.objects.filter(Q(name=name) | Q(email=name.lower())).first()
        if user is None:
            raise Missing(f"There is no user {name}.")
        key, text = access_key.issue(user, by=None, scopes=options["scope"], days=options["days"])
        return {"user": user.name, "prefix": key.prefix, "key": text, "expires_at": key.expires_at}
