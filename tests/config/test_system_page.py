"""The page of the hub itself: what waits for whom, who works, and whether the audit log is whole."""

import pytest
from django.urls import reverse

from accounts.actions import sealing
from accounts.models import Event, EventSeal
from config import doctor, waiting
from tests import people
from tests.conftest import _log_may_be_emptied
from tests.factories.world import world
from tests.pages import looking, text_of
from training.models import TrainingRun

pytestmark = pytest.mark.django_db


def said_of_audit() -> list[tuple[str, str]]:
    return [(line.verdict, line.name) for line in doctor.examine() if line.name in {"audit", "seals"}]


def test_what_waits_is_counted_in_one_statement(django_assert_num_queries):
    world()
    with django_assert_num_queries(1):
        found = {row["name"]: row["counted"].number for row in waiting.rows()}
    assert found["Jobs that run"] == "1"
    assert found["News nobody was told of"] == "1"
    assert found["Batches to verify"] == "0"


def test_the_page_shows_who_works_on_what():
    made = world()
    TrainingRun.objects.update(worker="gpu-host-7")
    page = text_of(looking(people.ada()).get(reverse("system")))
    assert "gpu-host-7" in page
    assert made.job.name in page
    assert looking(people.olga()).get(reverse("system")).status_code == 403


def test_doctor_tells_whether_the_audit_log_is_whole():
    from django.db import connection

    world()
    assert said_of_audit() == [(doctor.NOTE, "audit")]
    sealing.seal()
    EventSeal.objects.update(horizon=0)
    sealing.seal()
    sealing.verify(by=None)
    assert said_of_audit() == [(doctor.OK, "audit")]
    with connection.cursor() as cursor, _log_may_be_emptied(cursor):
        cursor.execute("UPDATE events SET verb = 'x' WHERE id = %s", [Event.objects.first().pk])
    sealing.verify(by=None)
    assert said_of_audit() == [(doctor.FAIL, "audit")]
