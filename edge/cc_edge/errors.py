"""What can go wrong at the edge: each error is one sentence, and the exit code that cron and systemd go by."""

from collections.abc import Mapping
from typing import Any


class EdgeError(Exception):
    """Something was refused or failed; the text is a sentence for the person who reads the log."""

    exit_code = 1


class SomeRejected(EdgeError):
    """The work is done, but not all of it was taken."""

    exit_code = 3


class Unreachable(EdgeError):
    """The hub or its store does not answer now; running again continues."""

    exit_code = 4


class TooSlow(Unreachable):
    """Bytes come so slowly that somebody may mean to hold us up; it is told as a refusal."""


class KeyRefused(EdgeError):
    """The hub does not accept our key for this."""

    exit_code = 5


class Misconfigured(EdgeError):
    """What we were started with cannot work."""

    exit_code = 6


class AlreadyRunning(EdgeError):
    """Another process does the same work at this moment."""

    exit_code = 75


class Unfit(EdgeError):
    """A document, a bundle or an image was looked at and refused; what was there before stays."""


class HubRefused(EdgeError):
    """The hub understood the request and said no (4xx); `code` and `facts` are its problem details."""

    exit_code = 6

    def __init__(self, detail: str, *, status: int, code: str, facts: Mapping[str, Any]) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.facts = dict(facts)
