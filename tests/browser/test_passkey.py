"""A passkey, in a browser whose authenticator is Chromium's own: added, then the only thing that a log-in asks for."""

import pytest
from playwright.sync_api import expect

from tests import people
from tests.accounts.factors import factors
from tests.pages import looking

pytestmark = pytest.mark.django_db(transaction=True)

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_added_and_lets_in(chromium, hub, settings):
    settings.ALLOWED_HOSTS = ["*"]
    here = hub.replace("127.0.0.1", "localhost")  # an IP address has no passkeys
    context = chromium.new_context(base_url=here)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    ann = people.ann()
    session = looking(ann).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": here}])
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recovery Codes")
    assert factors(ann) == {"webauthn", "recovery_codes"}
    context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_role("button", name="With a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hello Ann")
    context.close()
