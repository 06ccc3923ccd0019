"""Webhooks and notifications through the API and their pages."""

import pytest
from django.urls import reverse

from accounts.actions import announcing, webhook
from accounts.actions.event import record
from accounts.models import Announcement, MutedTopic, Webhook, WebhookDelivery
from tests import people
from tests.factories.world import world
from tests.pages import looking, said, text_of

pytestmark = pytest.mark.django_db
NEW = {"name": "ops", "url": "https://ops.example/hook", "topics": ["job.failed"]}


def asked(person, method, route, /, *args, **body):
    send = getattr(looking(person), method)
    options = {"data": body, "content_type": "application/json"} if method != "get" else {"data": body}
    return send(reverse(route, args=args), **options)


def test_a_webhook_through_its_life():
    ada = people.ada()
    made = asked(ada, "post", "api-webhooks", **NEW, organization=people.acme().slug)
    assert made.status_code == 201
    pk = made.json()["id"]
    assert made.json()["secret"].startswith("whsec_")
    assert "secret" not in asked(ada, "get", "api-webhook", pk).json()
    assert asked(ada, "patch", "api-webhook", pk, is_active=False).json()["is_active"] is False
    assert asked(ada, "post", "api-webhook-rotate", pk).json()["secret"] != made.json()["secret"]
    assert [row["id"] for row in asked(ada, "get", "api-webhooks").json()["results"]] == [pk]
    asked(ada, "patch", "api-webhook", pk, is_active=True)
    record(None, "end", world(people.acme()).job, status="failed")
    announcing.announce()
    [delivery] = asked(ada, "get", "api-webhook-deliveries", pk).json()["results"]
    assert delivery["state"] == "queued"
    assert asked(ada, "post", "api-webhook-redeliver", delivery["id"]).status_code == 200
    assert [asked(ada, "delete", "api-webhook", pk).status_code for _ in "12"] == [204, 204]
    assert asked(ada, "get", "api-webhooks").json()["results"] == []


@pytest.mark.parametrize(
    "wrong", [{"topics": ["all"]}, {"topics": []}, {"url": "x" * 501}, {"organization": "nobody"}, {"name": "\x00"}]
)
def test_what_makes_no_sense_is_refused_in_words(wrong):
    answer = asked(people.ada(), "post", "api-webhooks", **{**NEW, **wrong})
    assert answer.status_code in {400, 404, 422}
    assert answer.json()["detail"]


def test_an_organization_admin_keeps_none():
    hook, _ = webhook.add(**NEW, by=people.ada(), organization=people.acme())
    olga = people.olga()
    for method, name, args in (
        ("get", "api-webhooks", []),
        ("get", "api-webhook", [hook.pk]),
        ("delete", "api-webhook", [hook.pk]),
    ):
        assert asked(olga, method, name, *args).status_code == 403


def test_everybody_reads_and_marks_their_own_notifications():
    ada, bo = people.ada(), people.bo()
    job = world().job
    Announcement.objects.all().delete()
    for _ in range(2):
        record(None, "end", job, status="failed")
    announcing.announce()
    first, second = asked(ada, "get", "api-notifications").json()["results"]
    assert first["id"] > second["id"]
    assert asked(ada, "post", "api-notifications-read", until=second["id"]).json() == {"read": 1}
    assert [row["id"] for row in asked(ada, "get", "api-notifications", unread="1").json()["results"]] == [first["id"]]
    assert len(asked(bo, "get", "api-notifications", unread="1").json()["results"]) == 2
    assert asked(people.cy(), "get", "api-notifications").json() == {"results": [], "next": None}


def test_the_page_and_the_bell_show_what_was_not_read():
    ada, job = people.ada(), world().job
    Announcement.objects.all().delete()
    record(None, "end", job, status="failed")
    announcing.announce()
    page = looking(ada)
    assert "1" in text_of(page.get(reverse("accounts:notification-count")))
    shown = text_of(page.get(reverse("accounts:notifications")))
    assert "A job failed" in shown
    assert job.name in shown
    there = page.post(reverse("accounts:notification-open", args=[ada.notifications.get().pk]))
    assert there.url == reverse("training:job", args=[job.pk])
    assert text_of(page.get(reverse("accounts:notification-count"))).strip() == ""
    assert (
        looking(people.bo()).post(reverse("accounts:notification-open", args=[ada.notifications.get().pk])).status_code == 404
    )


def test_all_are_marked_and_topics_chosen_on_the_page():
    ada = people.ada()
    record(None, "end", world().job, status="failed")
    announcing.announce()
    page = looking(ada)
    page.post(reverse("accounts:notifications-read"), {"until": ada.notifications.latest("id").pk})
    page.post(reverse("accounts:notifications-read"), {"until": "x\0"})
    assert not ada.notifications.unread().exists()
    page.post(reverse("accounts:notifications-choose"), {"topic": ["job.failed"]})
    assert MutedTopic.objects.filter(user=ada, topic="rollout.paused").exists()
    assert not MutedTopic.objects.filter(user=ada, topic="job.failed").exists()


def test_a_webhook_is_kept_on_its_pages_and_its_secret_shown_once():
    page = looking(people.ada())
    made = page.post(reverse("accounts:webhooks"), NEW)
    hook = Webhook.objects.get()
    assert made.url == reverse("accounts:webhook", args=[hook.pk])
    assert "whsec_" in text_of(page.get(made.url))
    assert "whsec_" not in text_of(page.get(made.url))
    assert said(page.post(reverse("accounts:webhook-revise", args=[hook.pk]), {**NEW, "name": "night"}, follow=True)) == [
        "Kept."
    ]
    page.post(reverse("accounts:webhook-pause", args=[hook.pk]), {"active": "no"})
    hook.refresh_from_db()
    assert (hook.name, hook.is_active) == ("night", False)
    assert "whsec_" in text_of(page.post(reverse("accounts:webhook-rotate", args=[hook.pk]), follow=True))
    refused = page.post(reverse("accounts:webhooks"), {**NEW, "url": "ftp://x/"})
    assert "begins with https://" in text_of(refused)
    page.post(reverse("accounts:webhook-retire", args=[hook.pk]))
    assert "retired" in text_of(page.get(made.url))


def test_a_delivery_is_sent_again_from_its_page():
    ada, page = people.ada(), looking(people.ada())
    hook, _ = webhook.add(**NEW, by=ada)
    record(None, "end", world().job, status="failed")
    announcing.announce()
    WebhookDelivery.objects.update(due_at=None, tries=9, error="The receiver answered 500.")
    assert "The receiver answered 500." in text_of(page.get(reverse("accounts:webhook", args=[hook.pk])))
    page.post(reverse("accounts:webhook-delivery-again", args=[WebhookDelivery.objects.get().pk]))
    assert WebhookDelivery.objects.get().state == "queued"
