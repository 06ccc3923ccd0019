"""What holds people up: a sample that somebody else took, and a hub that does not answer. Nothing they decided is lost."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from learning.actions import module as module_verbs
from learning.actions import review
from learning.models import HitlLabel, ReviewSlot
from tests import people
from tests.browser.queues import judged, queue, shown
from tests.factories.learning import UNCHECKED, vehicles

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 10_000
"""How long, in milliseconds of the page's clock, it waits for the hub's answer to a decision."""


@pytest.fixture
def digits():
    labels = [str(digit) for digit in range(10)]
    facts = {"name": "Meter digits", "task": "classification", "labels": labels, "review_policy": UNCHECKED}
    return module_verbs.add("meter_digits", by=None, **facts)


def taken_by_al(module) -> int:
    """Let every lease run out and Al take the first sample; answers its slot."""
    ReviewSlot.objects.filter(state="leased").update(lease_until=timezone.now() - timedelta(minutes=1))
    lease = review.lease_next(module, by=people.al())
    assert lease is not None
    return lease.slot


def renewing(page, path: str):
    """Let the page's clock run to when it holds its leases for longer, and wait for the hub's answer."""
    with page.expect_response(f"**{path}") as answer:
        page.clock.run_for(180_000)
    return answer.value


def test_a_sample_that_somebody_else_took_is_said_so_and_its_answer_counts_beside_theirs(digits, open_as):
    queue(digits, [{"label": "1"}, {"label": "2"}, {"label": "3"}])
    page = open_as(people.ann(), "/", forgives=409)
    page.clock.install()
    page.goto("/review/meter_digits/")
    expect(shown(page)).to_have_text("1")
    slot = taken_by_al(digits)
    assert renewing(page, "/renew").status == 409
    notice = page.locator("[data-notice]")
    expect(notice).to_have_text(
        "This sample was given to somebody else meanwhile. Decide all the same: your answer counts beside theirs."
    )
    expect(shown(page)).to_have_text("1")  # it stays on the screen
    page.keyboard.press("7")
    expect(page.locator("[data-recent] li")).to_have_text(["1 → 7"])
    expect(notice).to_be_hidden()
    assert judged() == [("change", {"label": "7"}, "")]
    assert HitlLabel.objects.get().annotator == people.ann()
    assert ReviewSlot.objects.get(pk=slot).lease_user == people.al()


def test_tiles_that_somebody_else_took_are_said_so_and_their_answers_count_beside_theirs(open_as):
    module = vehicles(name="Vehicles", review_policy={**UNCHECKED, "grid_full_share": 0.0, "city_labels": "review"})
    queue(module, [{"label": "car"}] * 3)
    page = open_as(people.ann(), "/")
    page.clock.install()
    page.goto("/review/vehicles/grid/")
    tiles = page.locator("[data-grid-review][aria-busy=false] [data-tiles] > li")
    expect(tiles).to_have_count(3)
    taken_by_al(module)
    renewing(page, "/grid/renew")
    expect(page.locator("[data-notice]")).to_contain_text("of these were given to somebody else meanwhile")
    lost = page.locator("[data-tiles] > li[data-lost]").count()
    assert lost >= 1
    page.keyboard.press("a")
    expect(page.locator("[data-notice]")).to_contain_text(f"{lost} had been given to somebody else meanwhile")
    assert judged() == [("correct", None, "")] * 3


def test_a_hub_that_hangs_is_not_waited_for_and_the_decision_is_kept(digits, open_as):
    queue(digits, [{"label": "1"}, {"label": "2"}])
    page = open_as(people.ann(), "/", forgives=499, routed=True)
    page.clock.install()
    page.goto("/review/meter_digits/")
    expect(shown(page)).to_have_text("1")
    page.route("**/decide", lambda _route: None)  # neither answered nor refused
    with page.expect_request("**/decide"):
        page.keyboard.press("7")
    expect(page.locator("[data-review]")).to_have_attribute("aria-busy", "true")
    page.clock.run_for(PATIENCE)
    expect(page.locator("[data-notice]")).to_contain_text("1 decided and kept in this browser")
    expect(shown(page)).to_have_text("2")  # the work goes on with what was leased ahead
    assert judged() == []
    page.unroute("**/decide")
    page.clock.run_for(5_000)  # as often it looks whether the hub is there again
    expect(page.locator("[data-recent] [data-kept]")).to_have_count(0)
    expect(page.locator("[data-notice]")).to_be_hidden()
    assert judged() == [("change", {"label": "7"}, "")]
