"""The outbox: what people wait for reaches whom it concerns, once, whatever becomes of the worker."""

import contextlib
import re

import pytest
from django.conf import settings
from django.db import connection, transaction

from accounts.actions import announcing, notification, webhook
from accounts.actions.event import record, record_all
from accounts.models import Announcement, Notification, WebhookDelivery
from accounts.topics import ANNOUNCED, FOR_WEBHOOKS, TOPICS
from core.errors import Invalid
from learning.models import ReviewSlot
from tests import people
from tests.factories.accounts import OrganizationFactory, UserFactory
from tests.factories.deployments import EdgeServerFactory
from tests.factories.world import world
from tests.racing import race

pytestmark = pytest.mark.django_db


def said_of(made):
    """Answer a world whose own making is old news."""
    announcing.announce()
    Notification.objects.all().delete()
    return made


def told(person):
    return list(person.notifications.order_by("id").values_list("topic", flat=True))


def test_a_failed_job_is_told_to_those_who_may_look_and_to_no_other_organization():
    ada, rhea, olga, cy = people.ada(), people.rhea(), people.olga(), people.cy()
    rival = UserFactory(name="Rita", role="organization_admin", organization=OrganizationFactory(slug="rival"))
    job = said_of(world(people.acme())).job
    record(None, "end", job, status="failed")
    assert announcing.announce() == 1
    assert [told(person) for person in (ada, olga)] == [["job.failed"], ["job.failed"]]
    assert [told(person) for person in (rhea, cy, rival)] == [[], [], []]


def test_what_belongs_to_everybody_is_told_to_the_hub_alone():
    ada, olga = people.ada(), people.olga()
    record(None, "end", said_of(world()).job, status="failed")
    announcing.announce()
    assert (told(ada), told(olga)) == (["job.failed"], [])


def test_a_professional_plan_is_told_nothing():
    pia = people.pia()
    edge = EdgeServerFactory(name="edge-p", organization=people.petty())
    record(None, "hold", edge)
    announcing.announce()
    assert told(pia) == []


def test_a_job_that_was_cancelled_is_no_news():
    job = said_of(world()).job
    record(None, "end", job, status="cancelled")
    assert not Announcement.objects.exists()


def test_nobody_is_told_what_they_did_or_asked_for_themselves():
    ada, bo, made = people.ada(), people.bo(), said_of(world())
    record(ada, "pause", made.rollout)
    record(None, "score", made.model, status="testing", requested_by=ada.pk)
    announcing.announce()
    assert (told(ada), told(bo)) == ([], ["rollout.paused", "model.awaits_approval"])


def test_returned_work_is_told_to_its_person_alone():
    ada, ann, al = people.ada(), people.ann(), people.al()
    said_of(world())
    record(people.rhea(), "return", ReviewSlot.objects.get(), user=ann.pk)
    announcing.announce()
    assert (told(ann), told(al), told(ada)) == (["work.returned"], [], [])


def test_who_muted_a_topic_hears_of_the_others():
    ada, made = people.ada(), said_of(world())
    kept = {topic.name for topic in notification.offered_to(ada)} - {"job.failed"}
    notification.choose(sorted(kept), by=ada)
    record(None, "end", made.job, status="failed")
    record(None, "complete", made.job)
    announcing.announce()
    assert told(ada) == ["job.completed"]
    with pytest.raises(Invalid):
        notification.choose(["rollout.paused"], by=people.ann())


def test_telling_twice_tells_once():
    ada, made = people.ada(), said_of(world())
    webhook.add("ops", url="https://ops.example/", topics=["job.failed"], by=ada)
    event = record(None, "end", made.job, status="failed")
    announcing.announce()
    Announcement.objects.create(event=event, topic="job.failed")  # as by a worker that saw it and was killed
    announcing.announce()
    assert told(ada) == ["job.failed"]
    assert WebhookDelivery.objects.count() == 1
    assert not Announcement.objects.exists()


def test_a_webhook_of_an_organization_hears_of_its_own_and_one_of_the_hub_of_all():
    ada, acme = people.ada(), people.acme()
    own, _ = webhook.add("own", url="https://acme.example/", topics=["job.failed"], by=ada, organization=acme)
    whole, _ = webhook.add("hub", url="https://hub.example/", topics=["job.failed"], by=ada)
    webhook.add("other", url="https://hub.example/", topics=["job.completed"], by=ada)
    mine, theirs = (said_of(world(each)).job for each in (acme, OrganizationFactory(slug="rival")))
    record_all(None, "end", [(mine, {"status": "failed"}), (theirs, {"status": "failed"})])
    announcing.announce()
    about = {hook: set(hook.deliveries.values_list("event__object_id", flat=True)) for hook in (own, whole)}
    assert about == {own: {str(mine.pk)}, whole: {str(mine.pk), str(theirs.pk)}}
    assert WebhookDelivery.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_while_it_tells_leaves_all_to_the_next():
    ada = people.ada()
    record(None, "end", said_of(world()).job, status="failed")
    with contextlib.suppress(RuntimeError), transaction.atomic():
        announcing.announce()
        raise RuntimeError
    assert (told(ada), Announcement.objects.count()) == ([], 1)
    announcing.announce()
    assert (told(ada), Announcement.objects.count()) == (["job.failed"], 0)


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_tell_each_event_once():
    ada, job = people.ada(), said_of(world()).job
    record_all(None, "end", [(job, {"status": "failed"})] * 40)
    race(lambda _: announcing.announce(), 3)
    assert Notification.objects.filter(user=ada).count() == 40
    assert not Announcement.objects.exists()


def test_what_the_transaction_undoes_is_not_told():
    job = said_of(world()).job
    with contextlib.suppress(RuntimeError), transaction.atomic():
        record(None, "end", job, status="failed")
        raise RuntimeError
    assert not Announcement.objects.exists()


def test_each_topic_has_a_name_of_its_own_and_leads_somewhere():
    assert len(TOPICS) == len(ANNOUNCED)
    for (kind, _verb), topic in ANNOUNCED.items():
        key = "00000000-0000-7000-8000-000000000001" if kind not in NUMBERED else "1"
        assert topic.address_of(key).startswith("/")


def test_the_page_for_receivers_lists_what_they_can_be_told():
    listed = re.findall(r"^\| `([\w.]+)` \| (.+) \|$", (settings.BASE_DIR / "docs" / "webhooks.md").read_text(), re.MULTILINE)
    assert dict(listed) == {name: str(topic.sentence) for name, topic in FOR_WEBHOOKS.items()}


NUMBERED = {
    "deployments.edgeserver",
    "training.signingrequest",
    "learning.city",
    "learning.reviewslot",
    "learning.annotatorpause",
}


def test_reading_marks_what_was_shown_and_nothing_of_others(django_assert_num_queries):
    ada, bo, made = people.ada(), people.bo(), said_of(world())
    for _ in range(3):
        record(None, "end", made.job, status="failed")
    announcing.announce()
    second = ada.notifications.order_by("id")[1].pk
    assert notification.read(by=ada, until=second) == 2
    assert notification.read(by=ada, until=second) == 0
    assert (ada.notifications.unread().count(), bo.notifications.unread().count()) == (1, 3)


def test_on_sqlite_and_postgresql_nothing_is_asked_of_an_empty_outbox(django_assert_num_queries):
    with django_assert_num_queries(2):  # the outbox, and the webhooks that wait
        assert announcing.announce() == 0
    assert connection.vendor in {"sqlite", "postgresql"}
