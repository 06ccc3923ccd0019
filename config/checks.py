"""Wrong settings, said at start as system checks with ids."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution


@register()
def public_url(**_: Any) -> list[CheckMessage]:
    """E001: links and signed addresses start with PUBLIC_URL, so it must be one."""
    if settings.PUBLIC_URL.startswith(("http://", "https://")):
        return []
    return [Error("PUBLIC_URL must start with http:// or https://.", id="config.E001")]


@register(deploy=True)
def embedded_parts(**_: Any) -> list[CheckMessage]:
    """W001..W003: what is meant for one machine, said before it meets production."""
    found: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        found.append(Caution("DATABASE_URL is not set: SQLite serves one machine.", id="config.W001"))
    if not settings.REDIS_URL:
        found.append(Caution("REDIS_URL is not set: the filesystem queue serves one machine.", id="config.W002"))
    if settings.STORAGES["objects"]["BACKEND"].endswith("FileStore"):
        found.append(Caution("STORE_URL is not set: objects lie on this machine's disk.", id="config.W003"))
    return found
