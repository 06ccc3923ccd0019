"""Second factors for tests: an app that tells codes, as a person's phone does."""

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value


def app_of(person) -> str:
    """Set up an authenticator app, and answer its secret."""
    secret = generate_totp_secret()
    TOTP.activate(person, secret)
    return secret


def codes_of(person) -> list[str]:
    return RecoveryCodes.activate(person).get_unused_codes()


def code(secret: str, periods: int = 0) -> str:
    """Answer what the app shows now, or `periods` of half a minute later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + periods))


def factors(person) -> set[str]:
    return set(Authenticator.objects.filter(user=person).values_list("type", flat=True))
