"""Keys, lists and fields of the review page: what may be switched off, found by typing, said beside a decision."""

import uuid

import pytest
from playwright.sync_api import expect

from learning.actions import label_schema, review
from learning.actions import module as module_verbs
from learning.models import HitlLabel, ReviewSlot, SlotKind
from tests import people
from tests.browser.queues import judged, queue, shown

pytestmark = pytest.mark.django_db(transaction=True)
WEATHER = {"name": "weather", "type": "select", "values": ["dry", "rain"], "required": True, "per": "sample"}
COUNT = {"name": "people", "type": "number", "per": "sample"}


def signs(labels=("stop", "yield"), **schema):
    return module_verbs.add("signs", by=None, name="Signs", task="classification", labels=list(labels), **schema)


def open_review(open_as, query: str = "", person=None, **options):
    page = open_as(person or people.ann(), f"/review/signs/{query}", **options)
    page.locator("[data-review][aria-busy=false] img:not([hidden])").wait_for()
    return page


def notes() -> list[str]:
    return list(HitlLabel.objects.order_by("id").values_list("correction_notes", flat=True))


def test_single_keys_are_switched_off_and_stay_so(open_as):
    queue(signs(), [{"label": "stop"}, {"label": "yield"}])
    page = open_review(open_as)
    page.keyboard.press("?")
    page.get_by_label("Single keys decide").uncheck()
    page.reload()
    expect(shown(page)).to_have_text("stop")
    for key in ("2", "n", "s", "?"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Guide", exact=True)).to_be_hidden()
    expect(page.locator("[data-label] kbd").first).to_be_hidden()
    page.keyboard.press("Enter")
    expect(shown(page)).to_have_text("yield")
    page.get_by_role("button", name="Guide and keys").click()
    page.get_by_label("Single keys decide").check()
    page.keyboard.press("1")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("correct", None, ""), ("change", {"label": "stop"}, "")]


def test_on_a_keyboard_of_other_letters_the_place_of_the_key_counts(open_as):
    queue(signs(reasons=["hidden"]), [{"label": "stop"}])
    page = open_review(open_as)
    press = "([key, code]) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, code, bubbles: true}))"
    page.evaluate(press, ["s", "KeyU"])  # Dvorak's s lies elsewhere: the letter counts
    expect(page.locator("[data-recent] li")).to_contain_text("skipped")
    expect(shown(page)).to_have_text("stop")
    page.evaluate(press, ["г", "KeyU"])  # noqa: RUF001  (a Russian keyboard's letter)
    expect(page.get_by_role("heading", name="Why unsure?")).to_be_visible()


def test_of_many_labels_one_is_found_by_typing(open_as):
    names = [f"sign {number}" for number in range(40)] + ["no entry", "entry"]
    queue(signs(names), [{"label": "sign 3"}, {"label": "sign 4"}])
    page = open_review(open_as)
    page.keyboard.press("/")
    finder = page.get_by_role("combobox", name="Find a label")
    expect(finder).to_be_focused()
    page.keyboard.type("entr")
    expect(page.get_by_role("option")).to_have_text(["entry", "no entry"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(shown(page)).to_have_text("sign 4")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("change", {"label": "no entry"}, ""), ("correct", None, "")]


def test_attributes_of_the_sample_go_along_and_those_required_are_asked_for(open_as):
    queue(signs(attributes=[WEATHER, COUNT]), [{"label": "stop"}, {"label": "yield", "attributes": {"weather": "dry"}}])
    page = open_review(open_as)
    page.keyboard.press("2")
    expect(page.locator("[data-by]")).to_contain_text("weather is required")
    weather = page.get_by_label("weather")
    expect(weather).to_be_focused()
    weather.select_option("rain")
    page.get_by_label("people").fill("3")
    page.keyboard.press("Enter")
    expect(shown(page)).to_have_text("yield")
    expect(weather).to_have_value("dry")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    said = {"label": "yield", "attributes": {"weather": "rain", "people": 3}}
    assert judged() == [("change", said, ""), ("correct", None, "")]


def test_another_label_keeps_what_else_was_predicted(open_as):
    boxes = [{"label": "stop", "bbox": [2, 3, 10, 12]}]
    queue(signs(), [{"label": "stop", "boxes": boxes}])
    page = open_review(open_as)
    expect(page.locator(".boxes .line")).to_have_count(1)
    page.keyboard.press("2")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("change", {"label": "yield", "boxes": boxes}, "")]


def test_a_note_goes_along_with_the_reason(open_as):
    queue(signs(reasons=["hidden", "two_signs"]), [{"label": "stop"}, {"label": "stop"}])
    page = open_review(open_as)
    page.keyboard.press("u")
    page.keyboard.press("+")
    expect(page.get_by_label("Note")).to_be_focused()
    page.keyboard.type("2 signs, u and r")
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    expect(page.locator("[data-recent] li")).to_have_count(1)
    page.keyboard.press("r")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("unsure", None, "two_signs"), ("correct", None, "")]
    assert notes() == ["2 signs, u and r", ""]


def test_a_hidden_prediction_is_not_shown_and_judged_blind(open_as):
    queue(signs(review_policy={"hide_prediction": True}), [{"label": "stop"}])
    page = open_review(open_as)
    expect(shown(page)).to_have_text("Judge for yourself")
    expect(page.locator("[data-by]")).to_contain_text("hides the prediction")
    assert "90.0" not in page.locator(".prediction").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("[data-by]")).to_contain_text("choose a label")
    page.keyboard.press("1")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged() == [("correct", None, "")]


def test_a_check_is_accepted_fixed_or_returned_and_comes_back_with_why(open_as):
    module = signs()
    queue(module, [{"label": "stop"}] * 3)
    for _ in range(3):
        lease = review.lease_next(module, by=people.ann())
        assert lease is not None
        facts = {"decision": "change", "correction": {"label": "yield"}, "client_uuid": uuid.uuid4()}
        label = review.decide(lease.slot, by=people.ann(), lease_token=lease.token, **facts).label
        ReviewSlot.objects.filter(sample=lease.sample, kind=SlotKind.CHECK).delete()
        ReviewSlot.opened(lease.sample, kind=SlotKind.CHECK, slot_no=7, about=label).save()
    page = open_review(open_as, "?kind=check", person=people.rhea())
    expect(shown(page)).to_have_text("yield")
    expect(page.get_by_role("heading", name="To be checked")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[data-recent] li")).to_have_count(1)
    page.keyboard.press("1")
    expect(page.locator("[data-recent] li")).to_have_count(2)
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Why return it?")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator("[data-empty]")).to_be_visible()
    expect(page.locator("[data-empty] strong")).to_have_text("Nothing is to be checked in Signs")
    checks = ReviewSlot.objects.filter(kind=SlotKind.CHECK).order_by("id").values_list("outcome", flat=True)
    assert list(checks) == ["accepted", "fixed", "returned"]
    page = open_review(open_as, "?kind=returned")
    expect(page.locator("[data-returned]")).to_have_text("Returned to you: wrong label. You had said: yield.")
    page.keyboard.press("1")
    expect(page.locator("[data-empty]")).to_be_visible()
    assert judged()[-1] == ("correct", None, "")


def test_the_guide_is_beside_the_work(open_as):
    module = signs()
    labels = [{**label, "guide": f"All about {label['name']}."} for label in module.schema.labels]
    label_schema.revise(module, by=None, based_on=1, guide="Look at the whole sign.", labels=labels)
    queue(module, [{"label": "stop"}, {"label": "yield"}])
    page = open_review(open_as)
    page.keyboard.press("?")
    guide = page.get_by_role("complementary", name="Guide")
    expect(guide).to_contain_text("Look at the whole sign.")
    expect(guide).to_contain_text("All about yield.")
    page.keyboard.press("Enter")  # the work goes on beside it
    expect(shown(page)).to_have_text("yield")
    page.keyboard.press("?")
    expect(guide).to_be_hidden()


def test_when_nothing_is_left_it_says_when_more_comes(open_as):
    queue(signs(), [{"label": "stop"}])
    assert review.lease_next(signs_module(), by=people.al()) is not None
    page = open_as(people.ann(), "/review/signs/")
    expect(page.locator("[data-empty]")).to_contain_text(
        "1 sample is in somebody's hands; one that is left comes back in 10 minutes."
    )


def signs_module():
    return ReviewSlot.objects.get().module


def test_time_is_counted_while_somebody_is_there(open_as):
    queue(signs(), [{"label": "stop"}])
    page = open_review(open_as)
    counted = page.evaluate(
        """async () => {
          const { Clock } = await import('/static/js/review-clock.js');
          let now = 0;
          const clock = new Clock(() => now);
          const sign = (at) => { now = at; document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Shift', bubbles: true })); };
          const seen = [];
          sign(5_000);
          seen.push(clock.seconds);
          sign(500_000); // away for minutes: one counts
          seen.push(clock.seconds);
          Object.defineProperty(document, 'hidden', { value: true, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
          now = 520_000;
          Object.defineProperty(document, 'hidden', { value: false, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
          now = 523_000;
          seen.push(clock.seconds);
          return seen;
        }"""
    )
    assert counted == [5, 65, 68]
