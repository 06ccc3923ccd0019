"""How a delivery is signed, so that its receiver knows that it is the hub's, whole, and new (docs/webhooks.md).

The three headers and the text that is signed are those of the Standard Webhooks specification, which libraries of many languages
verify. A secret is derived from SECRET_KEY and the webhook's salt: neither the database nor its backups hold one.
"""

import base64
import hashlib
import hmac

from django.conf import settings

PREFIX = "whsec_"


def secret_of(salt: str) -> str:
    """Answer the secret as its receiver is shown it, once."""
    return PREFIX + base64.b64encode(_key(salt)).decode()


def signed_headers(salt: str, delivery: str, seconds: int, body: bytes) -> list[tuple[str, str]]:
    """Answer the headers that a delivery goes with at this moment (seconds since 1970)."""
    signed = f"{delivery}.{seconds}.".encode() + body
    signature = base64.b64encode(hmac.digest(_key(salt), signed, hashlib.sha256)).decode()
    return [
        ("webhook-id", delivery),
        ("webhook-timestamp", str(seconds)),
        ("webhook-signature", f"v1,{signature}"),
    ]


def _key(salt: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), f"webhook:{salt}".encode(), hashlib.sha256)
