"""How allauth meets us: nobody signs up by themselves, people come by invitation."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter


class InvitedOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth carries no types
    """Closes the sign-up page."""

    def is_open_for_signup(self, request: Any) -> bool:
        """Never: `manage.py adduser` invites."""
        return False
