"""What stands where allauth has a page that this hub has not: addresses are a super admin's to set, and no mail is sent."""

from typing import NoReturn

from django.http import HttpRequest

from core.errors import Missing


def closed(request: HttpRequest, **_: str) -> NoReturn:
    """Answer that there is no such page."""
    raise Missing("There is no such page; a super admin invites people and sets their addresses.")
