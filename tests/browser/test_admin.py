"""Upkeep in a real browser: its own policy holds back nothing that it needs, and people without a mouse or eyes get through."""

import pytest
from playwright.sync_api import expect

from learning.actions import city as city_verbs
from tests import people
from tests.browser.test_gallery import AXE, broken_rules, picture
from tests.pages import looking

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_key_is_issued_and_no_page_breaks_a_rule(open_as, folder):
    if not AXE.is_file():
        pytest.skip("axe-core is missing: install npm and run `make vendor`")
    ada = people.ada()
    city_verbs.add("city_pune", by=ada)
    page = open_as(ada, "/admin/")
    wrong = broken_rules(page)
    for name, address in (("admin-users", "/admin/accounts/user/"), ("admin-user", f"/admin/accounts/user/{ada.pk}/change/")):
        page.goto(address)
        wrong += broken_rules(page)
        picture(page, name, folder, is_whole=False)
    page.goto("/admin/accounts/accesskey/add/")
    wrong += broken_rules(page)
    page.get_by_label("Holder").fill("city_pune")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("The key").or_(page.get_by_label("The file key"))).to_be_visible()
    wrong += broken_rules(page)
    picture(page, "admin-key", folder, is_whole=False)
    assert not wrong, "\n".join(wrong)
    assert looking(people.ann()).get("/admin/", follow=True).status_code == 403
