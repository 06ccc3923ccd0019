"""Verbs on cities."""

import re
from datetime import timedelta
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
    _check_zone(timezone)
    if City.objects.filter(slug=slug).exists():
        raise Conflict(f"There is a city {slug} already.")
    machine = user_verbs.add(slug, role=Role.CITY, by=by, organization=organization)
    city = City.objects.create(slug=slug, name=name or slug, organization=organization, user=machine, timezone=timezone)
    record(by, "add", city, user=machine.pk)
    return city


@transaction.atomic
def revise(city: City, *, by: User, name: str, timezone: str, expected_every: timedelta | None) -> City:
    """Change what a city is called, in which zone its days begin, and how often it is expected to send (None: no matter).

    Batches keep the days they have. Raises Invalid.
    """
    require(by, Permission.MANAGE_CITIES, city)
    if not 0 < len(name.strip()) <= 120 or "\x00" in name:
        raise Invalid("A name has 1 to 120 characters.", errors={"name": ["has 1 to 120 characters"]})
    if expected_every is not None and not timedelta(hours=1) <= expected_every <= timedelta(days=366):
        raise Invalid("A city is expected every hour at most, and every year at least.")
    _check_zone(timezone)
    city.name, city.timezone, city.expected_every = name.strip(), timezone, expected_every
    city.save(update_fields=["name", "timezone", "expected_every"])
    hours = int(expected_every.total_seconds()) // 3600 if expected_every else None
    record(by, "revise", city, timezone=timezone, expected_every_hours=hours)
    return city


def hub() -> City:
    """Answer the built-in city of what no city sent, made on first use."""
    return City.objects.get_or_create(slug=HUB, defaults={"name": "Hub"})[0]


def _check_zone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(f"There is no time zone {timezone!r}.", errors={"timezone": ["is not known"]}) from error


def require_uploader(city: City, by: User | None) -> None:
    """Raise Refused unless `by` uploads for this very city; None is the hub itself, which may for any."""
    if by is None:
        return
    require(by, Permission.UPLOAD_BATCH, city)
    if city.user_id != by.pk:
        raise Refused("A city uploads for itself only.")
