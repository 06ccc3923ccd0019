"""What a browser may do with our pages: run our own files, show pictures of the store, and nothing that a page says inline."""

from collections.abc import Callable
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
WRITTEN_INLINE = frozenset({"docs"})
"""Pages that are not ours: the API's documentation, which says nothing of anybody's data."""
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class PolicyMiddleware:
    """Puts the policy on every page that has none of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on, and put it on."""
        response = self.get_response(request)
        kept = response.headers
        if HEADER not in kept and kept.get("Content-Type", "").startswith("text/html"):
            match = request.resolver_match
            is_inline = match is not None and match.view_name in WRITTEN_INLINE
            kept[HEADER] = policy(store_origin(), log_in_origin(), is_written_inline=is_inline)
            kept["Permissions-Policy"] = PERMISSIONS
        return response


def store_origin() -> str:
    """Answer where pictures come from and uploads go to, where that is not the hub itself."""
    options = settings.STORAGES["objects"]["OPTIONS"]
    if "location" in options:
        address = options.get("public_url", "")
    else:
        address = (
            options.get("public_endpoint")
            or options.get("endpoint_url")
            or f"https://s3.{options['region_name']}.amazonaws.com"
        )
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def log_in_origin() -> str:
    """Answer where the log-in page's form leads on to, where an organization's own log-in is set up."""
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
    parts = urlsplit(apps[0]["settings"]["server_url"]) if apps else urlsplit("")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


@cache
def policy(store: str, log_in: str = "", *, is_written_inline: bool = False) -> str:
    """Spell the policy; `store` is the origin of objects, `log_in` that of an organization's own log-in."""
    forms = f" {log_in}" if log_in else ""
    objects, inline = f" {store}" if store else "", " 'unsafe-inline'" if is_written_inline else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self'{inline}",
            f"style-src 'self'{inline}",
            f"img-src 'self' data: blob:{objects}",
            f"media-src 'self' blob:{objects}",
            f"connect-src 'self'{objects}",
            "font-src 'self'",
            "manifest-src 'self'",
            f"form-action 'self'{forms}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
