"""Verbs on cities."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from accounts.actions import user as user_verbs
from accounts.actions.event import record
from accounts.models import Organization, Role, User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Refused
from learning.models import City
from learning.models.city import HUB

SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")


@transaction.atomic
def add(slug: str, *, by: User | None, name: str = "", organization: Organization | None = None, timezone: str = "UTC") -> City:
    """Make a city and the machine user, of the same name, that uploads for it; `by` is None for the command line.

    Raises Invalid for a bad slug or time zone, Conflict for a taken slug.
    """
    if by is not None:
        require(by, Permission.MANAGE_CITIES, organization)
    if not SLUG.fullmatch(slug) or slug == HUB:
        raise Invalid("A city's slug begins with a small letter and has only small letters, digits, - and _; hub is taken.")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid(f"There is no time zone {timezone!r}.") from error
    if City.objects.filter(slug=slug).exists():
        raise Conflict(f"There is a city {slug} already.")
    machine = user_verbs.add(slug, role=Role.CITY, by=by, organization=organization)
    city = City.objects.create(slug=slug, name=name or slug, organization=organization, user=machine, timezone=timezone)
    record(by, "add", city, user=machine.pk)
    return city


def hub() -> City:
    """Answer the built-in city of what no city sent, made on first use."""
    return City.objects.get_or_create(slug=HUB, defaults={"name": "Hub"})[0]


def require_uploader(city: City, by: User | None) -> None:
    """Raise Refused unless `by` uploads for this very city; None is the hub itself, which may for any."""
    if by is None:
        return
    require(by, Permission.UPLOAD_BATCH, city)
    if city.user_id != by.pk:
        raise Refused("A city uploads for itself only.")
