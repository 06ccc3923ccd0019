"""Seals over the audit log: nothing is changed, taken away or slipped in unseen, and no writer waits for another."""

import threading
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts import tasks
from accounts.actions import sealing
from accounts.actions.event import record
from accounts.models import Event, EventSeal
from tests import people
from tests.conftest import _log_may_be_emptied
from tests.factories.world import world
from tests.numbering import begin_at_one
from tests.pages import looking, said, text_of

pytestmark = pytest.mark.django_db


def sealed(count=3):
    ada = people.ada()
    for number in range(count):
        record(ada, "look", ada, number=number, share=0.5, text="Zürich")
    sealing.seal()  # opens
    if connection.vendor == "postgresql":
        EventSeal.objects.update(horizon=0)  # the test is a transaction of its own, which is not over
    sealing.seal()
    return EventSeal.objects.closed().get()


def seal_to_the_end():
    """Seal until nothing waits: transactions of other databases of the server are waited for too."""
    deadline = time.monotonic() + 60
    sealing.seal()
    while EventSeal.objects.filter(sha256="").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
        sealing.seal()


def change(statement, *values):
    with connection.cursor() as cursor, _log_may_be_emptied(cursor):
        cursor.execute(statement, values)


def test_what_was_sealed_is_proven_whole():
    seal = sealed()
    verdict = sealing.verify(by=people.ada())
    assert (verdict.is_whole, verdict.events, verdict.head) == (True, seal.events, seal.sha256)
    assert sealing.last_verdict().facts["broken"] == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor_name = 'Eve' WHERE id = %s",
        "UPDATE events SET facts = '{}' WHERE id = %s",
        "DELETE FROM events WHERE id = %s",
    ],
)
def test_what_is_changed_behind_the_triggers_is_seen(statement):
    sealed()
    change(statement, Event.objects.filter(verb="look").first().pk)
    assert not sealing.verify(by=None).is_whole
    with pytest.raises(CommandError, match=r"as it was when seal|there are"):
        call_command("audit", "verify")


def test_a_seal_that_is_written_anew_breaks_the_chain():
    first = sealed()
    record(people.ada(), "look", people.ada())
    sealing.seal()
    EventSeal.objects.update(horizon=0)
    sealing.seal()
    assert EventSeal.objects.closed().count() == 2
    change("UPDATE events SET verb = 'see' WHERE id = %s", Event.objects.filter(verb="look").first().pk)
    digest, count = sealing._hash("", 0, first.last_event)
    EventSeal.objects.filter(pk=first.pk).update(sha256=digest, events=count)
    [sentence] = sealing.verify(by=None).broken
    assert "not as it was" in sentence


def sealed_again():
    """Put a second seal on."""
    record(people.ada(), "look", people.ada())
    sealing.seal()
    EventSeal.objects.update(horizon=0)
    sealing.seal()
    return EventSeal.objects.closed().latest("last_event")


def test_a_seal_that_was_taken_away_is_missed():
    first, last = sealed(), sealed_again()
    first.delete()
    [sentence] = sealing.verify(by=None).broken
    assert f"Seal {last.pk}" in sentence


def test_the_last_seal_taken_away_is_missed_by_its_events(monkeypatch):
    sealed()
    sealed_again().delete()
    assert sealing.verify(by=None).is_whole, "they may just be new"
    later = timezone.now() + timedelta(minutes=11)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert "events of over ten minutes ago are under no seal" in sealing.verify(by=None).broken[0]


def test_seals_that_were_put_on_anew_are_told_by_the_head_that_was_noted_down():
    head = sealed().sha256
    assert sealing.verify(by=None, expect=head).is_whole
    EventSeal.objects.all().delete()
    change("UPDATE events SET verb = 'see' WHERE id = %s", Event.objects.filter(verb="look").first().pk)
    sealed(1)
    assert sealing.verify(by=None).is_whole
    with pytest.raises(CommandError, match="noted down is on no seal"):
        call_command("audit", "verify", "--expect", head)


def test_it_is_long_over_and_tells_how_much_is_not_sealed_yet(capsys):
    sealed()
    record(people.ada(), "look", people.ada())
    call_command("audit", "verify", "--json")
    assert '"verdict": "whole"' in capsys.readouterr().out


if connection.vendor == "postgresql":  # SQLite has one writer at a time

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("is_numbered_first", [True, False])
    def test_an_event_that_comes_late_is_in_the_seal_and_not_behind_it(is_numbered_first):
        """Whichever of two transactions began to write first: the slow one has the lower event, and commits last."""
        ada = people.ada()
        holds, goes_on = threading.Event(), threading.Event()

        def slow():
            with transaction.atomic():
                record(ada, "slow", ada)
                holds.set()
                goes_on.wait(60)
            connection.close()

        thread = threading.Thread(target=slow)
        with transaction.atomic():
            if not is_numbered_first:
                ada.save()  # the quick one has its number, and no event yet
            thread.start()
            assert holds.wait(60)
            record(ada, "quick", ada)
        sealing.seal()
        assert sealing.seal() == 0  # the slow one may still add to it
        goes_on.set()
        thread.join()
        seal_to_the_end()
        seal = EventSeal.objects.closed().get()
        assert seal.events == Event.objects.filter(id__lte=seal.last_event).count() == 2
        assert sealing.verify(by=None).is_whole


def test_the_page_narrows_and_the_table_holds_all_of_it():
    made, ada = world(people.acme()), people.ada()
    for number in range(3):
        record(ada, "look_at", made.job, number=number)
    page = looking(ada)
    asked = {"verb": "look at", "object_type": "training.trainingjob", "object_id": str(made.job.pk), "actor": "Ada"}
    shown = page.get(reverse("accounts:audit"), asked)
    assert len(shown.context["page"].results) == 3
    body = b"".join(page.get(reverse("accounts:audit-csv"), asked).streaming_content).decode()
    assert len(body.splitlines()) == 4
    assert Event.objects.filter(verb="export_audit").count() == 1
    assert page.get(reverse("accounts:audit"), {"verb": "\x00", "since": "x", "object_type": "y"}).status_code == 200
    assert len(page.get(reverse("accounts:audit"), {"until": "2020-01-01"}).context["page"].results) == 0


def test_an_organization_reads_its_own_events_and_proves_no_seals():
    world(people.acme())
    olga = looking(people.olga())
    shown = olga.get(reverse("accounts:audit"))
    assert {event.organization_id for event in shown.context["page"].results} == {people.acme().pk}
    assert "Prove it now" not in text_of(shown)
    assert olga.post(reverse("accounts:audit-verify")).status_code == 403


def test_a_proof_is_asked_for_on_the_page_and_said_there():
    sealed()
    ada = people.ada()
    page = looking(ada)
    assert said(page.post(reverse("accounts:audit-verify"), follow=True))[0].startswith("It is being proven")
    tasks.verify_events(ada.pk)
    assert "as they were sealed" in text_of(page.get(reverse("accounts:audit")))
    change("DELETE FROM events WHERE id = %s", Event.objects.first().pk)
    tasks.verify_events()
    assert "1 seal does not fit" in text_of(page.get(reverse("accounts:audit")))


def test_a_seal_that_was_opened_on_another_server_is_closed_here():
    event = record(people.ada(), "look", people.ada())
    EventSeal.objects.create(last_event=event.pk, horizon=2**62)  # what a restored database brings along
    seal_to_the_end()
    assert EventSeal.objects.closed().get().horizon < 2**62 or connection.vendor != "postgresql"


def test_what_gathered_before_is_sealed_in_one_go(monkeypatch):
    monkeypatch.setattr(sealing, "MOST", 2)
    begin_at_one(Event)
    ada = people.ada()
    last = [record(ada, "look", ada) for _ in range(7)][-1]
    seal_to_the_end()
    assert EventSeal.objects.closed().order_by("last_event").last().last_event == last.pk
    assert sealing.verify(by=None).seals >= 4
