"""The network goes, and comes back: what was decided is kept, marked, and sent once; what was entered is never lost."""

import uuid

import pytest
from django.conf import settings
from playwright.sync_api import expect

from learning.actions import label_schema, review
from learning.actions import module as module_verbs
from learning.models import ReviewSlot
from tests import people
from tests.browser.queues import judged, queue, shown

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def digits():
    labels = [str(digit) for digit in range(10)]
    return module_verbs.add("meter_digits", by=None, name="Meter digits", task="classification", labels=labels)


def cut(page) -> None:
    """Let no decision through, as if the network were gone."""
    page.route("**/decide", lambda route: route.abort("internetdisconnected"))


def mend(page) -> None:
    page.unroute("**/decide")
    page.evaluate("window.dispatchEvent(new Event('online'))")


def test_the_work_goes_on_with_what_was_leased_ahead_and_is_counted_once(digits, open_as):
    queue(digits, [{"label": str(number)} for number in range(5)])
    page = open_as(people.ann(), "/review/", routed=True)
    expect(shown(page)).to_have_text("0")
    cut(page)
    for number in range(2):
        page.keyboard.press("Enter")
        expect(shown(page)).to_have_text(str(number + 1))
        expect(page.locator("[data-notice]")).to_contain_text(f"{number + 1} decided and kept")
    page.keyboard.press("7")  # on the last that was leased ahead
    expect(page.get_by_role("alert")).to_contain_text("kept in this browser")
    page.keyboard.press("5")  # there is nothing on the screen to decide on
    expect(page.locator("[data-recent] [data-kept]")).to_have_count(3)
    assert judged() == []
    mend(page)
    expect(shown(page)).to_have_text("3")
    expect(page.locator("[data-recent] [data-kept]")).to_have_count(0)
    expect(page.locator("[data-notice]")).to_be_hidden()
    assert judged() == [("correct", None, ""), ("correct", None, ""), ("change", {"label": "7"}, "")]


def test_decisions_outlive_a_reload(digits, open_as):
    queue(digits, [{"label": "1"}, {"label": "2"}])
    page = open_as(people.ann(), "/review/", routed=True)
    expect(shown(page)).to_have_text("1")
    cut(page)
    page.keyboard.press("7")
    expect(shown(page)).to_have_text("2")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("kept in this browser")
    expect(page.locator("[data-recent] [data-kept]")).to_contain_text("1 → 7")
    page.unroute("**/decide")
    page.reload()
    expect(shown(page)).to_have_text("2")
    assert judged() == [("change", {"label": "7"}, "")]
    page.reload()
    expect(shown(page)).to_have_text("2")
    assert len(judged()) == 1


def test_what_the_hub_refuses_stays_on_the_screen_with_a_sentence(open_as):
    plates = module_verbs.add("plates", by=None, name="Plates", task="text")
    queue(plates, [{"text": "MH12AB1234"}, {"text": "MH12AB1235"}])
    page = open_as(people.ann(), "/review/plates/", forgives=422)
    field = page.locator("[data-text]")
    expect(field).to_have_value("MH12AB1234")
    label_schema.revise(plates, by=None, based_on=1, text={"pattern": "[A-Z]{2}[0-9]{2}[A-Z]{2}[0-9]{4}"})
    page.keyboard.press("End")
    page.keyboard.type("X")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(
        "does not have the form the schema asks for. What you entered is still here"
    )
    expect(field).to_have_value("MH12AB1234X")
    expect(page.locator("[data-recent] li")).to_have_count(0)
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(field).to_have_value("MH12AB1235")
    assert judged() == [("correct", None, "")]


def test_what_is_refused_after_the_page_went_on_stays_in_the_list_until_let_go(digits, open_as):
    queue(digits, [{"label": "1"}, {"label": "2"}])
    page = open_as(people.ann(), "/review/", forgives=409, routed=True)
    expect(shown(page)).to_have_text("1")
    cut(page)
    page.keyboard.press("7")
    expect(shown(page)).to_have_text("2")
    slot = ReviewSlot.objects.order_by("id").first()
    lease = review.lease_next(digits, by=people.ann())
    assert lease is not None
    assert lease.slot == slot.pk
    review.decide(lease.slot, by=people.ann(), lease_token=lease.token, client_uuid=uuid.uuid4(), decision="correct")
    mend(page)
    row = page.locator("[data-recent] [data-refused]")
    expect(row).to_contain_text("1 → 7")
    expect(row).to_contain_text("not taken: You judged this sample already.")
    page.reload()
    expect(row).to_contain_text("not taken")
    row.get_by_role("button", name="Let go").click()
    expect(row).to_have_count(0)
    page.reload()
    expect(shown(page)).to_have_text("2")
    expect(row).to_have_count(0)
    assert judged() == [("correct", None, "")]


def test_whoever_is_logged_out_loses_nothing(digits, open_as):
    queue(digits, [{"label": "1"}, {"label": "2"}])
    page = open_as(people.ann(), "/review/", forgives=401)
    expect(shown(page)).to_have_text("1")
    session = next(cookie for cookie in page.context.cookies() if cookie["name"] == settings.SESSION_COOKIE_NAME)
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.keyboard.press("7")
    expect(page.get_by_role("alert")).to_contain_text("log in again in another tab")
    page.context.add_cookies([session])
    page.keyboard.press("Enter")
    expect(shown(page)).to_have_text("2")
    assert judged() == [("change", {"label": "7"}, "")]
