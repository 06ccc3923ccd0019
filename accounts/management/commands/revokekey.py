"""Revoke an access key."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.actions import access_key
from accounts.management.base import VerbCommand


class Command(VerbCommand):
    """`revokekey PREFIX`."""

    help = "Revoke an access key."

    def arguments(self, parser: CommandParser) -> None:
        """Take the prefix."""
        parser.add_argument("prefix")

    def call(self, **options: Any) -> dict[str, Any]:
        """Revoke it; prints when."""
        key = access_key.revoke(options["prefix"], by=None)
        return {"prefix": key.prefix, "revoked_at": key.revoked_at}
