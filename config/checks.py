"""Wrong settings, said at start as system checks with ids; those of production by `check --deploy` and by doctor."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution

LOCAL_NAMES = (".local", ".internal", ".lan", ".localhost")


@register()
def addresses(**_: Any) -> list[CheckMessage]:
    """E001, E002: links and signed addresses start with PUBLIC_URL, so it must be one, and one that the web answers to."""
    host = urlsplit(settings.PUBLIC_URL).hostname
    if not settings.PUBLIC_URL.startswith(("http://", "https://")) or not host:
        return [Error("PUBLIC_URL must start with http:// or https:// and name a host.", id="cc.E001")]
    if not settings.DEBUG and not _is_allowed(host):
        hint = f"Add {host} to ALLOWED_HOSTS; without it every link that the hub sends answers 400."
        return [Error("PUBLIC_URL names a host that the web does not answer to.", hint=hint, id="cc.E002")]
    return []


@register()
def bounds(**_: Any) -> list[CheckMessage]:
    """E003: limits that let nothing through."""
    names = (
        "UPLOAD_MAX_BYTES",
        "UPLOAD_MAX_PIXELS",
        "UPLOAD_MAX_ARCHIVE_BYTES",
        "LEASE_MINUTES",
        "EDGE_POLL_SECONDS",
        "DECODERS",
    )
    wrong = [name for name in (*names, "WEB_HOSTS") if getattr(settings, name) < 1]
    return [Error(f"{name} must be 1 or more.", id="cc.E003") for name in wrong]


@register()
def ledger_folder(**_: Any) -> list[CheckMessage]:
    """E004: a folder that is meant to outlive the hub must be there, or erasures would wait for it."""
    if settings.LEDGER_DIR and not Path(settings.LEDGER_DIR).is_dir():
        return [
            Error(
                f"LEDGER_DIR names {settings.LEDGER_DIR}, which is no folder.", hint="Make it, on another disk.", id="cc.E004"
            )
        ]
    return []


@register(deploy=True)
def public_addresses(**_: Any) -> list[CheckMessage]:
    """E010, E011: in production the world must be able to reach what we hand out, by https."""
    found: list[CheckMessage] = []
    for name, url in _handed_out():
        if not url.startswith("https://"):
            hint = "Put a proxy with a certificate before it (compose.yaml has one); cookies and HSTS follow from https."
            found.append(Error(f"{name} is not https.", hint=hint, id="cc.E010"))
        if _is_local(urlsplit(url).hostname or ""):
            hint = "Cities, edges and browsers elsewhere cannot reach localhost, private names or names of containers."
            found.append(
                Error(f"{name} names {urlsplit(url).hostname}, which only this network knows.", hint=hint, id="cc.E011")
            )
    return found


@register(deploy=True)
def secrets_of_production(**_: Any) -> list[CheckMessage]:
    """E012..E014: what every web host must have the same, and nobody else may guess."""
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(Error("DEBUG is on: it shows settings and code to everybody.", hint="Leave DEBUG out.", id="cc.E012"))
    if settings.IS_SECRET_KEY_MADE:
        hint = "Set SECRET_KEY (or SECRET_KEY_FILE), for example to the output of: openssl rand -base64 48"
        found.append(
            Error(
                "SECRET_KEY is not set: each host makes its own, and what one signs another refuses.", hint=hint, id="cc.E013"
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        hint = "Name the hosts; links in mails and redirects are built from what a client says."
        found.append(Error("ALLOWED_HOSTS lets any name in.", hint=hint, id="cc.E014"))
    return found


@register(deploy=True)
def embedded_parts(**_: Any) -> list[CheckMessage]:
    """W001..W003, E015: what is meant for one machine, said before it meets production, and refused where there are several."""
    parts = {
        "cc.W001": (
            "DATABASE_URL is not set: SQLite serves one machine.",
            settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"),
        ),
        "cc.W002": ("REDIS_URL is not set: the filesystem queue serves one machine.", not settings.REDIS_URL),
        "cc.W003": ("STORE_URL names a folder: objects lie on this machine's disk.", _is_file_store()),
    }
    wrong = {number: sentence for number, (sentence, is_so) in parts.items() if is_so}
    if settings.WEB_HOSTS > 1:
        hint = "Use PostgreSQL, Redis and an S3-compatible store, or set WEB_HOSTS to 1."
        return [
            Error(f"WEB_HOSTS is {settings.WEB_HOSTS}, and {sentence}", hint=hint, id="cc.E015") for sentence in wrong.values()
        ]
    return [
        Caution(sentence, hint="docs/operations.md says what takes its place.", id=number) for number, sentence in wrong.items()
    ]


@register(deploy=True)
def care(**_: Any) -> list[CheckMessage]:
    """W004..W009: what works, and will be missed."""
    return list(_missed())


def _missed() -> Iterator[CheckMessage]:
    if (Path(settings.TRUST_DIR) / "keys" / "EMBEDDED").exists():
        hint = "Give root and releases to people: docs/trust.md."
        yield Caution(
            "The hub itself holds the keys of root and releases: who takes it over can release models.", hint=hint, id="cc.W004"
        )
    if not settings.APPROVAL_FOUR_EYES:
        yield Caution("APPROVAL_FOUR_EYES is off: one person can train, approve and release.", id="cc.W005")
    if not settings.METRICS_TOKEN:
        hint = "Set METRICS_TOKEN, and give it to Prometheus; deploy/alerts.yml has the rules."
        yield Caution("METRICS_TOKEN is not set: nobody is told when the hub stands still.", hint=hint, id="cc.W006")
    if _is_file_store() and not settings.LEDGER_DIR:
        hint = "Name a folder on another disk: a restore asks what was erased after the backup."
        yield Caution("LEDGER_DIR is not set, and the ledger of erasures lies beside the objects.", hint=hint, id="cc.W007")
    if not settings.MFA_REQUIRED_FOR_SUPER_ADMINS:
        hint = "Set MFA_REQUIRED_FOR_SUPER_ADMINS: each of them is then led to set one up before anything else."
        yield Caution(
            "Super admins need no second factor: a stolen password can approve, release and erase.", hint=hint, id="cc.W008"
        )
    if settings.PUBLIC_URL.startswith("https://") and not settings.ALLAUTH_TRUSTED_PROXY_COUNT:
        hint = "Set TRUSTED_PROXIES to how many proxies each add to X-Forwarded-For (compose.yaml: 1)."
        yield Caution(
            "PUBLIC_URL is https, which a proxy in front answers, and TRUSTED_PROXIES is not set: everybody has the proxy's address, "
            "so limits on log-ins shut out all at once.",
            hint=hint,
            id="cc.W009",
        )


def _handed_out() -> Iterator[tuple[str, str]]:
    """Yield what others are told to go to: the hub, and the store where it is another place."""
    yield "PUBLIC_URL", settings.PUBLIC_URL
    options = settings.STORAGES["objects"]["OPTIONS"]
    if options.get("public_endpoint"):
        yield "STORE_PUBLIC_URL", options["public_endpoint"]
    elif options.get("endpoint_url"):
        yield "the endpoint in STORE_URL (STORE_PUBLIC_URL names another)", options["endpoint_url"]


def _is_local(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(LOCAL_NAMES)


def _is_allowed(host: str) -> bool:
    return any(
        name in ("*", host, f"[{host}]") or (name.startswith(".") and host.endswith(name)) for name in settings.ALLOWED_HOSTS
    )


def _is_file_store() -> bool:
    return bool(settings.STORAGES["objects"]["BACKEND"].endswith("FileStore"))
