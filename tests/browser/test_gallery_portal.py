"""The pages that join the parts, in light, dark and on a phone: what one is told, webhooks."""

from collections.abc import Iterator

import pytest

from accounts.actions import announcing, sealing, webhook
from accounts.actions.event import record
from accounts.models import WebhookDelivery
from learning.models import ReviewSlot
from tests import people
from tests.browser.test_gallery import AXE, Scene, wrong_with
from tests.factories.world import World, world

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: install npm and run `make vendor`"),
]


def scenes(hook) -> Iterator[Scene]:
    """Answer the pages as a super admin sees them."""
    yield Scene("mine", "/mine/")
    yield Scene("organization", "/organization/acme/")
    yield Scene("usage", "/usage/")
    yield Scene("audit", "/audit/")
    yield Scene("system-waiting", "/system/")
    yield Scene("search", "/search/?q=acme")
    yield Scene("notifications", "/notifications/", ".bell .count")
    yield Scene("webhooks", "/webhooks/")
    yield Scene("webhook", f"/webhooks/{hook.pk}/")


def told(made: World):
    """Let things happen that somebody waits for, of which one was not taken by its receiver."""
    hook, _ = webhook.add("Duty desk", url="https://ops.example/hook", topics=["job.failed", "rollout.paused"], by=people.bo())
    record(None, "end", made.job, status="failed")
    record(people.bo(), "pause", made.rollout)
    record(None, "score", made.model, status="testing", requested_by=people.bo().pk)
    announcing.announce()
    sealing.seal()
    sealing.seal()
    sealing.verify(by=None)
    row = hook.deliveries.first()
    WebhookDelivery.objects.filter(pk=row.pk).update(due_at=None, tries=9, status=503, error="The receiver answered 503.")
    people.ada().notifications.filter(topic="dataset_version.frozen").delete()
    return hook


def test_every_page_of_the_portal_is_open_to_all(open_as, folder):
    hook = told(world(people.acme()))
    page = open_as(people.ada(), "/")
    wrong = [fault for scene in scenes(hook) for fault in wrong_with(page, scene, folder, {"dark": set()})]
    assert not wrong, "\n".join(wrong)
    page.goto("/jobs/")
    page.keyboard.press("/")
    page.keyboard.type("edge-ac")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="edge-acme").wait_for()


def test_the_homes_of_the_others_are_open_to_all(open_as, folder):
    made = world(people.acme())
    ReviewSlot.objects.update(kind="rework", only_user=people.ann(), queue_key=f"{made.module.pk}:returned")
    wrong = []
    for person in (people.ann(), people.rhea(), people.olga(), people.pia(), people.cy()):
        page = open_as(person, "/")
        wrong += wrong_with(page, Scene(f"home-{person.name.lower()}", "/"), folder, {"dark": set(), "phone": set()})
    assert not wrong, "\n".join(wrong)
