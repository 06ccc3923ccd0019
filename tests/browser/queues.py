"""Queues of samples that wait for a judgement, and what was judged, for the tests of the review page."""

import io

from PIL import Image
from playwright.sync_api import Page

from learning.models import HitlLabel, ReviewSlot, StoredObject
from tests import people
from tests.factories import training as rooms
from tests.factories.learning import picture


def queue(module, predictions, pictures=()) -> None:
    """Let samples with these predictions wait for a judgement, with `pictures` (else some noise) as their images."""
    place = rooms.city(people.ada())
    for number, prediction in enumerate(predictions):
        pending = {"state": "pending", "truth": None, "truth_sha256": "", "prediction": prediction, "confidence": 0.9}
        content = pictures[number] if number < len(pictures) else picture(number)
        sample = rooms.sample(
            module, place, number, content=content, **pending, predicted_by={"model": "reader", "version": "1.2.0"}
        )
        size = dict(zip(("width", "height"), Image.open(io.BytesIO(content)).size, strict=True))
        StoredObject.objects.filter(pk=sample.object_id).update(verified_at=rooms.NOON, **size)
        ReviewSlot.opened(sample).save()


def judged() -> list[tuple]:
    """Answer decision, correction and reason of each judgement that stands, in the order they were made."""
    rows = HitlLabel.objects.standing().order_by("id").values_list("decision", "correction", "reason")
    return list(rows)


def shown(page):
    """Answer the prediction on the screen, once its image has been drawn."""
    return page.locator("[data-review][aria-busy=false] [data-said]")


def decided_without_network(page: Page, count: int) -> None:
    """Decide so many samples of which the hub hears nothing, each when the page waits for a key.

    The page says of one that it is kept before the next is there, and takes no key between the two, nor while it sends again what
    it kept, which it does every few seconds where the hub answers at all.
    """
    for address in ("**/decide", "**/live"):
        page.route(address, lambda route: route.abort("internetdisconnected"))
    for number in range(count):
        page.locator("[data-review][aria-busy=false]").wait_for()
        page.keyboard.press("Enter")
        page.locator("[data-recent] [data-kept]").nth(number).wait_for()
