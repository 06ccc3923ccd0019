"""Structured logs: one JSON line an event, with request, user and task ids, and nothing in it that opens a door."""

import re
from typing import Any

import structlog

HIDDEN = "…"
NAMED = re.compile(r"(?i)password|secret|token|authorization|cookie|signature|private_key")
"""What a value is hidden for by its name."""
SPELLED = re.compile(
    r"(?is)"
    r"(?P<query>[?&](?:s|sig|code|key|token|password|secret|x-(?:amz|goog)-(?:signature|credential|security-token)|signature)=)[^&\s\"'<>]+"
    r"|(?P<key>\bcc_[0-9a-z]{4,16}_)[\w-]+"
    r"|(?P<bearer>\b(?:bearer|basic)\s+)[^\s\"',;]+"
    r"|(?P<url>://[^/\s:@\"']*:)[^/\s@\"']+(?=@)"
    r"|(?P<path>/accounts/(?:invitation|password/reset/key)/)[^\s\"'?]+"
    r"|(?P<cookie>\b(?:sessionid|csrftoken)=)[^;\s\"']+"
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
"""What is hidden wherever it stands: signatures of addresses, keys, passwords in URLs, one-time links, private keys."""


def without_secrets(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Hide what nobody who reads logs may have."""
    return {name: value if name.startswith("_") else _shown(name, value) for name, value in event.items()}


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {each: _shown(str(each), held) for each, held in value.items()}
    if NAMED.search(name) and value:
        return HIDDEN
    if isinstance(value, str):
        return SPELLED.sub(lambda found: f"{found[found.lastgroup or 0]}{HIDDEN}", value)
    if isinstance(value, list | tuple):
        return [_shown("", each) for each in value]
    return value if isinstance(value, int | float | type(None)) else _shown("", str(value))


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    without_secrets,
]

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer(),
            "foreign_pre_chain": SHARED,
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "kombu.connection": {"level": "ERROR"},  # it warns that a folder has no host name
        **{app: {"level": "INFO"} for app in ("accounts", "learning", "training", "deployments", "config", "core")},
    },
}


def with_requests(logging: dict[str, Any]) -> dict[str, Any]:
    """Answer the same, with a line for each request and each task (LOG_REQUESTS)."""
    return {**logging, "loggers": {**logging["loggers"], "django_structlog": {"level": "INFO"}}}


def configure_structlog(*, debug: bool) -> None:
    """Send structlog's events through the standard handlers above."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,  # first: most requests have nothing to say at the level that is kept
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=not debug,
    )
