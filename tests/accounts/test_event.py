"""The audit log: written by verbs, refused to be changed by the database."""

import contextlib

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.actions.event import record
from accounts.models import Event
from tests import people


@pytest.mark.django_db
def test_record_keeps_who_did_what():
    ada, cy = people.ada(), people.cy()
    event = record(ada, "invite", cy, role="member")
    assert (event.actor_id, event.actor_name, event.verb) == (ada.pk, "Ada", "invite")
    assert Event.objects.about("accounts.user", cy.pk).get() == event
    assert event.organization_id == cy.organization_id


STATEMENTS = ["UPDATE events SET verb = 'x'", "DELETE FROM events"]
if connection.vendor == "postgresql":
    STATEMENTS.append("TRUNCATE events CASCADE")


@pytest.mark.django_db
@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_database_refuses_to_change_the_log(statement):
    record(people.ada(), "look", people.cy())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Event.objects.get().verb == "look"


@pytest.mark.django_db(transaction=True)
def test_an_event_of_a_verb_that_failed_is_not_there():
    with contextlib.suppress(RuntimeError), transaction.atomic():
        record(people.ada(), "look", people.cy())
        raise RuntimeError
    assert not Event.objects.exists()
