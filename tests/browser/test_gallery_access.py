"""The steps of a log-in with a second factor, and the pages of one's own, in light, dark and on a phone."""

import pytest
from django.core.cache import cache

from accounts.actions import user as user_verbs
from accounts.models import Role
from tests.accounts.factors import app_of, code, codes_of
from tests.browser.test_gallery import AXE, looked_at

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "correct horse battery"


def test_each_step_of_a_second_factor_is_open_to_all(chromium, hub, folder):
    if not AXE.is_file():
        pytest.skip("axe-core is missing: install npm and run `make vendor`")
    cache.clear()
    dee = user_verbs.add("Dee", role=Role.ANNOTATOR, by=None, email="dee@example.org", password=SECRET)
    secret = app_of(dee)
    codes_of(dee)
    wrong = []
    context = chromium.new_context(base_url=hub)
    page = context.new_page()
    page.goto("/accounts/password/reset/")
    wrong += looked_at(page, "password-forgotten", folder, {})
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(dee.email)
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_placeholder("Code").wait_for()
    wrong += looked_at(page, "second-factor", folder, {})
    page.get_by_placeholder("Code").fill(code(secret))
    page.get_by_role("button", name="Sign In").click()
    page.get_by_text("Hello Dee").wait_for()
    page.goto("/accounts/")
    wrong += looked_at(page, "account-with-factor", folder, {})
    page.goto("/accounts/2fa/recovery-codes/")
    page.get_by_role("heading", name="Confirm Access").wait_for()
    wrong += looked_at(page, "reauthenticate", folder, {})
    page.get_by_placeholder("Password").fill(SECRET)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="Recovery Codes").wait_for()
    wrong += looked_at(page, "recovery-codes", folder, {})
    page.goto("/accounts/2fa/webauthn/")
    wrong += looked_at(page, "passkeys", folder, {})
    context.close()
    assert not wrong, "\n".join(wrong)
