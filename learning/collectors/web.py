"""Asking the web politely: with a name, bounded in time and bytes, and waiting longer each time it is asked to."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from core.fetching import Fetched, fetch
from core.outbound import NotCalled, read_nets

TRIES = 4
PASSING = frozenset({429, 500, 502, 503, 504})
MOST_WAIT = 60.0
SECONDS = 30.0
MOST_JSON = 8 * 1024 * 1024
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp")


class NotCollected(Exception):
    """Something could not be had; `is_final` where the whole collection cannot go on (a key that is not accepted)."""

    def __init__(self, sentence: str, *, is_final: bool = False) -> None:
        super().__init__(sentence)
        self.is_final = is_final


@dataclass(frozen=True)
class Offer:
    """An image that may be had: its address, where it was found, and its terms as far as they are told."""

    url: str
    source: str
    page: str = ""
    licence: str = ""
    author: str = ""
    attribution: str = ""


class Web:
    """One conversation; `pause` waits, and may raise to end it (a collection that was cancelled)."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self.pause = pause
        self._nets = read_nets(settings.COLLECTORS["nets"])
        self._headers = {"User-Agent": settings.COLLECTORS["user_agent"], "Accept": "*/*"}

    def json(self, service: str, url: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the JSON object that `service` (its name, for sentences) has at an address; raises NotCollected."""
        fetched = self._ask(service, f"{url}?{urlencode(params)}", MOST_JSON)
        if fetched.status in {401, 403}:
            raise NotCollected(f"{service} does not accept the key, or this client.", is_final=True)
        if fetched.status != 200:
            raise NotCollected(f"{service} answered with status {fetched.status}.")
        try:
            told = json.loads(fetched.body)
        except ValueError as error:
            raise NotCollected(f"{service} answered with something else than JSON.") from error
        if not isinstance(told, dict):
            raise NotCollected(f"{service} answered with something else than an object.")
        return told

    def image(self, url: str) -> bytes:
        """Answer the bytes of an image; raises NotCollected."""
        fetched = self._ask("The image's server", url, settings.UPLOAD_MAX_BYTES)
        if fetched.status != 200:
            raise NotCollected(f"The image's server answered with status {fetched.status}.")
        kind = fetched.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and not kind.startswith("image/") and kind != "application/octet-stream":
            raise NotCollected(f"The address holds {kind[:60]} and no image.")
        return fetched.body

    def _ask(self, service: str, url: str, most_bytes: int) -> Fetched:
        """Ask, and ask again after a while where the answer may be another one then."""
        wait = float(settings.COLLECTORS["backoff_seconds"])
        for attempt in range(1, TRIES + 1):
            try:
                fetched = fetch(url, seconds=SECONDS, most_bytes=most_bytes, headers=self._headers, nets=self._nets)
            except NotCalled as reason:
                if not reason.is_passing or attempt == TRIES:
                    raise NotCollected(f"{service}: {reason}") from reason
                asked = None
            else:
                if fetched.status not in PASSING or attempt == TRIES:
                    return fetched
                asked = _seconds(fetched.headers.get("retry-after", ""))
            self.pause(min(MOST_WAIT, asked if asked is not None else wait))
            wait *= 2
        raise NotCollected(f"{service} did not answer.")


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
