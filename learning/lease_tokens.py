"""Lease tokens: who got which slot, when; signed, so that a late answer can be told from an invented one."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from django.conf import settings

from core.errors import Refused

GOOD_FOR = timedelta(days=7)
EPOCH, TICK = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def issue(slot: int, user: int, issued_at: datetime) -> str:
    """Answer the token of this lease: its time in microseconds and an HMAC."""
    stamp = (issued_at - EPOCH) // TICK
    return f"{stamp}.{_sign(slot, user, stamp)}"


def read(token: str, slot: int, user: int, now: datetime) -> datetime:
    """Answer when the lease was issued; raises Refused unless it is this user's on this slot, of the last seven days."""
    stamp, _, signature = token.partition(".") if isinstance(token, str) else ("", "", "")
    genuine = stamp.isascii() and stamp.isdigit() and len(stamp) < 18 and signature.isascii()
    if not genuine or not hmac.compare_digest(_sign(slot, user, int(stamp)), signature):
        raise Refused("This lease is not yours.", code="bad_lease")
    issued_at = EPOCH + int(stamp) * TICK
    if issued_at < now - GOOD_FOR:
        raise Refused("This lease was given more than seven days ago; ask for the sample again.", code="lease_expired")
    return issued_at


def _sign(slot: int, user: int, stamp: int) -> str:
    key = hashlib.sha256(f"review.lease:{settings.SECRET_KEY}".encode()).digest()
    return hmac.new(key, f"{slot}:{user}:{stamp}".encode(), hashlib.sha256).hexdigest()
