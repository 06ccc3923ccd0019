"""Webhooks: signed so that a receiver can tell, tried again until taken, given up in the end, never led inside."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.actions import announcing, delivering, webhook
from accounts.actions.event import record
from accounts.models import Event, Webhook, WebhookDelivery
from accounts.topics import TOPICS
from accounts.webhook_signature import secret_of
from core.errors import Conflict, Invalid, Refused
from tests import people
from tests.core.test_outbound import receiver, say, url_of
from tests.factories.world import world
from tests.pages import looking, text_of
from tests.wire import conforms

pytestmark = pytest.mark.django_db
GUIDE = settings.BASE_DIR / "docs" / "webhooks.md"


@pytest.fixture(autouse=True)
def _home(settings):
    settings.WEBHOOK_NETS = ["127.0.0.0/8"]


def hook_to(server, **more):
    return webhook.add("ops", url=url_of(server), topics=["job.failed"], by=people.ada(), **more)


def failed(job):
    record(None, "end", job, status="failed")
    announcing.announce()


def later(hook, wait=timedelta(days=1)):
    """Let the waits of a webhook be over."""
    Webhook.objects.filter(pk=hook.pk).update(rests_until=None)
    hook.deliveries.filter(due_at__isnull=False).update(due_at=timezone.now() - wait)


def test_a_receiver_verifies_a_delivery_by_the_example_of_the_guide(tmp_path):
    with receiver(keeping := Keeping()) as server:
        hook, secret = hook_to(server)
        job = world(people.acme()).job
        failed(job)
        assert delivering.deliver(str(hook.pk)) == 1
    [(_host, _path, body)] = server.calls
    told = json.loads(body)
    conforms("webhook", told)
    delivery = WebhookDelivery.objects.get()
    assert (told["id"], told["type"], told["object"]["id"]) == (str(delivery.pk), "job.failed", str(job.pk))
    assert told["organization"] is None  # the hub's own, which hears of all
    assert told["object"]["url"].endswith(f"/jobs/{job.pk}/")
    assert (delivery.status, delivery.tries, delivery.due_at) == (200, 1, None)
    for changed, verdict in ((body, "0"), (body.replace(b"failed", b"frozen"), "1")):
        assert verified(tmp_path, secret, keeping.headers, changed) == verdict
    assert verified(tmp_path, webhook.rotate(hook, by=people.ada())[1], keeping.headers, body) == "1"
    stale = {**keeping.headers, "webhook-timestamp": str(int(keeping.headers["webhook-timestamp"]) - 3600)}
    assert verified(tmp_path, secret, stale, body) == "1"


class Keeping:
    """A receiver that keeps the headers it saw."""

    def __call__(self, handler):
        self.headers = {name: value for name, value in handler.headers.items() if name.startswith("webhook-")}
        say()(handler)


def verified(folder, secret, headers, body) -> str:
    """Run the guide's own example on one delivery; answers its exit status."""
    code = GUIDE.read_text().split("```python\n")[1].split("```")[0]
    (folder / "verify.py").write_text(code)
    (folder / "body").write_bytes(body)
    asked = [
        sys.executable,
        "verify.py",
        secret,
        *(headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")),
        "body",
    ]
    return str(subprocess.run(asked, cwd=folder, check=False, capture_output=True).returncode)


def test_what_was_not_taken_is_sent_again_under_the_same_id_after_longer_and_longer():
    with receiver(say(503)) as server:
        hook, _ = hook_to(server)
        failed(world().job)
        delivering.deliver(str(hook.pk))
        first = WebhookDelivery.objects.get()
        assert (first.state, first.tries, first.status) == ("failed", 1, 503)
        assert first.due_at > timezone.now() + timedelta(seconds=15)
        assert delivering.deliver(str(hook.pk)) == 0  # not yet
        later(hook)
        server.answer = say()
        assert delivering.deliver(str(hook.pk)) == 1
    ids = [json.loads(body)["id"] for _, _, body in server.calls]
    assert ids == [str(first.pk)] * 2
    waits = [delivering.wait_after(tries) for tries in range(1, delivering.MOST_TRIES)]
    assert all(timedelta(seconds=20) <= wait <= delivering.LONGEST_WAIT for wait in waits)
    assert waits[0] < waits[3] < waits[6]


def test_after_too_many_tries_it_is_given_up_until_somebody_sends_it_again():
    with receiver(say(500)) as server:
        hook, _ = hook_to(server)
        failed(world().job)
        for _ in range(delivering.MOST_TRIES + 2):
            later(hook)
            delivering.deliver(str(hook.pk))
        assert len(server.calls) == delivering.MOST_TRIES
        delivery = WebhookDelivery.objects.get()
        assert delivery.state == "lost"
        assert Event.objects.filter(verb="give_up").count() == 1
        announcing.announce()
        told = people.ada().notifications.get(topic="webhook.given_up")
        assert TOPICS[told.topic].address_of(told.event.object_id).endswith(f"/webhooks/{hook.pk}/")
        assert WebhookDelivery.objects.count() == 1
        server.answer = say(204)
        webhook.redeliver(delivery, by=people.ada())
        webhook.redeliver(delivery, by=people.ada())
        assert delivering.deliver(str(hook.pk)) == 1
    assert len(server.calls) == delivering.MOST_TRIES + 1


def test_a_receiver_that_is_down_is_tried_once_and_let_alone_whatever_waits():
    with receiver(say(500)) as server:
        hook, _ = hook_to(server)
        made = world()
        for _ in range(3):
            failed(made.job)
        delivering.deliver(str(hook.pk))
        delivering.deliver(str(hook.pk))
        assert len(server.calls) == 1
        server.answer = say()
        later(hook)
        assert delivering.deliver(str(hook.pk)) == 3


def test_what_one_worker_has_in_hand_another_leaves_alone_until_it_is_silent():
    with receiver() as server:
        hook, _ = hook_to(server)
        failed(world().job)
        Webhook.objects.update(token="t", beat_at=timezone.now())
        assert delivering.deliver(str(hook.pk)) == 0
        Webhook.objects.update(beat_at=timezone.now() - timedelta(minutes=2))  # killed before it said what came of it
        assert delivering.deliver(str(hook.pk)) == 1
    assert Webhook.objects.get().beat_at is None


def test_it_is_never_led_to_where_the_hub_may_not_call(settings):
    settings.WEBHOOK_NETS = []
    with receiver() as server:
        hook, _ = hook_to(server)
        failed(world().job)
        assert delivering.deliver(str(hook.pk)) == 0
        assert server.calls == []
    assert "may not call" in WebhookDelivery.objects.get().error


def test_the_nets_of_an_organization_are_its_own():
    acme = people.acme()
    with receiver() as server:
        hook, _ = hook_to(server, organization=acme)
        failed(world(acme).job)
        assert delivering.deliver(str(hook.pk)) == 0
        acme.callback_nets = ["127.0.0.0/8"]
        acme.save()
        later(hook)
        assert delivering.deliver(str(hook.pk)) == 1
    assert json.loads(server.calls[0][2])["organization"] == "acme"


def test_one_that_pauses_is_not_told_and_one_that_is_retired_never_again():
    with receiver() as server:
        hook, _ = hook_to(server)
        ada, job = people.ada(), world().job
        webhook.revise(hook, by=ada, is_active=False)
        failed(job)
        assert not WebhookDelivery.objects.exists()
        webhook.revise(hook, by=ada, is_active=True)
        failed(job)
        webhook.retire(hook, by=ada)
        webhook.retire(hook, by=ada)
        assert delivering.deliver(str(hook.pk)) == 0
        for verb in (webhook.revise, webhook.rotate):
            with pytest.raises(Conflict, match="retired"):
                verb(hook, by=ada)
    assert server.calls == []


def test_what_was_on_its_way_while_it_was_retired_is_not_kept_for_ever():
    with receiver(say(500)) as server:
        hook, _ = hook_to(server)
        failed(world().job)
        sent = hook.deliveries.select_related("event", "webhook").get()
        webhook.retire(hook, by=people.ada())
        assert not delivering._send(hook, sent)  # as its worker had it in hand
    told = WebhookDelivery.objects.get()
    assert (told.due_at, told.tries, told.error) == (None, 0, "The webhook was retired.")


def test_a_secret_is_shown_once_and_stands_nowhere():
    page = looking(people.ada())
    made = page.post(reverse("accounts:webhooks"), {"name": "ops", "url": "https://x.example/", "topics": ["job.failed"]})
    hook = Webhook.objects.get()
    for again in (False, True):
        if again:
            page.post(reverse("accounts:webhook-rotate", args=[hook.pk]))
            hook.refresh_from_db()
        assert "whsec_" not in str(dict(page.session))
        answer = page.get(made.url)
        assert secret_of(hook.salt) in text_of(answer)
        assert "no-store" in answer["Cache-Control"]
        assert "whsec_" not in text_of(page.get(made.url))


@pytest.mark.parametrize(
    "wrong",
    [{"url": "ftp://x/"}, {"url": "https://u:p@x/"}, {"topics": []}, {"topics": ["all"]}, {"name": " "}, {"name": "x" * 81}],
)
def test_what_cannot_be_used_is_refused(wrong):
    with pytest.raises(Invalid):
        webhook.add(**{"name": "x", "url": "https://x.example/", "topics": ["job.failed"], "by": people.ada(), **wrong})


def test_only_super_admins_keep_webhooks():
    with pytest.raises(Refused):
        webhook.add("x", url="https://x.example/", topics=["job.failed"], by=people.olga(), organization=people.acme())


def test_the_secret_stands_nowhere():
    _, secret = webhook.add("x", url="https://x.example/", topics=["job.failed"], by=people.ada())
    kept = json.dumps([list(Webhook.objects.values()), list(Event.objects.values())], default=str)
    assert secret.removeprefix("whsec_") not in kept


def test_what_is_over_is_forgotten_after_a_month_and_what_waits_is_not():
    hook, _ = webhook.add("x", url="https://x.example/", topics=["job.failed"], by=people.ada())
    job = world().job
    failed(job)
    failed(job)
    old = timezone.now() - timedelta(days=31)
    WebhookDelivery.objects.update(created_at=old)
    WebhookDelivery.objects.filter(pk=hook.deliveries.first().pk).update(due_at=None, delivered_at=old)
    assert (delivering.forget_old(), WebhookDelivery.objects.count()) == (1, 1)
