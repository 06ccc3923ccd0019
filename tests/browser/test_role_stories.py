"""Each role's way through the hub, from the log-in with its second factor to the log-out."""

import re

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from accounts.actions import user as user_verbs
from accounts.models import Event, Role
from tests import people
from tests.accounts.factors import app_of, code
from tests.browser.conftest import PATIENCE_MS
from tests.factories.world import world

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "correct horse battery"


def manages_people(page):
    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_role("link", name="Invite").click()
    page.get_by_label("Name").fill("Zoe")
    page.get_by_label("E-mail").fill("zoe@example.org")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("textbox", name="Link")).to_have_value(re.compile("/accounts/invitation/"))
    page.goto("/admin/accounts/organization/")
    expect(page.get_by_text("Acme").first).to_be_visible()
    page.goto("/")


def looks_at_quality(page):
    page.get_by_role("link", name="Quality", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Quality")


def judges(page):
    page.get_by_role("link", name=re.compile("Start")).first.click()
    expect(page.locator("[data-review][aria-busy=false]")).to_be_visible()
    page.keyboard.press("Enter")
    expect(
        page.get_by_text("Nothing waits").or_(page.get_by_text("nothing is left")).or_(page.locator("[data-review]")).first
    ).to_be_visible()
    page.goto("/")


def sees_own_models(page):
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("link", name="model of acme").or_(page.get_by_role("link", name="1.0.0")).first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def finds_nothing(page):
    expect(page.get_by_text("There is nothing for you here yet")).to_be_visible()
    expect(page.locator("nav[aria-label=Main] li")).to_have_count(1)


STORIES = {
    Role.SUPER_ADMIN: manages_people,
    Role.REVIEWER: looks_at_quality,
    Role.ANNOTATOR: judges,
    Role.ORGANIZATION_ADMIN: sees_own_models,
    Role.MEMBER: finds_nothing,
}


@pytest.mark.parametrize("role", STORIES)
def test_a_role_comes_in_does_its_work_and_goes(chromium, hub, settings, role):
    cache.clear()
    settings.MFA_REQUIRED_FOR_SUPER_ADMINS = True
    acme = people.acme()
    world(acme)
    of = acme if role in (Role.ORGANIZATION_ADMIN, Role.MEMBER) else None
    person = user_verbs.add(f"Sam {role}", role=role, by=None, email=f"{role}@example.org", organization=of, password=SECRET)
    secret = app_of(person)
    complaints = []
    context = chromium.new_context(base_url=hub)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_placeholder("Code").fill(code(secret))
    page.get_by_role("button", name="Sign In").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hello Sam")
    STORIES[role](page)
    page.locator("details.menu summary").filter(has_text="Sam").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    page.goto("/")
    expect(page).to_have_url(re.compile("/accounts/login/"))
    context.close()
    assert {"log_in", "log_out"} <= set(Event.objects.about("accounts.user", person.pk).values_list("verb", flat=True))
    assert not complaints
