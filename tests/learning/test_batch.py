"""Batches: opened once, filled item by item, sealed over what both sides hold, and expired where nobody sealed."""

import hashlib
from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from core.errors import Conflict, Invalid, Refused
from core.lifecycle import IllegalMove
from learning.actions import batch as batches
from learning.models import BatchState, LearningSample, StoredObject, UploadBatch
from learning.tasks import sweep_sealed
from tests import people
from tests.factories.learning import DAY, item, opened, pune, registered, sealed, vehicles
from tests.racing import race

pytestmark = pytest.mark.django_db


def test_a_city_has_one_open_batch_a_day():
    city = pune()
    first, made = batches.open_batch(city, DAY, by=city.user)
    assert (first.pk, made, first.state) == ("batch_city_pune_20261120", True, BatchState.OPEN)
    assert batches.open_batch(city, DAY, by=city.user) == (first, False)
    sealed(first)
    second, made = batches.open_batch(city, DAY, by=city.user)
    assert (second.pk, made) == ("batch_city_pune_20261120-2", True)


def test_a_client_batch_id_names_one_batch_for_ever():
    city = pune()
    first = opened(city, client_batch_id="night")
    assert opened(city, client_batch_id="day").pk == "batch_city_pune_20261120-2"
    sealed(first)
    again, made = batches.open_batch(city, DAY + timedelta(days=-1), by=city.user, client_batch_id="night")
    assert (again.pk, made) == (first.pk, False)


def test_the_day_of_a_batch_is_bounded_by_the_citys_calendar():
    city = pune(timezone="Asia/Kolkata")
    for day in (date(1999, 12, 31), timezone.now().date() + timedelta(days=3)):
        with pytest.raises(Invalid, match="day"):
            batches.open_batch(city, day, by=city.user)


def test_a_city_uploads_for_itself_only():
    city, other = pune(), pune("city_goa")
    batch = opened(city)
    for stranger in (other.user, people.ada(), people.ann()):
        with pytest.raises(Refused):
            batches.open_batch(city, DAY, by=stranger)
        with pytest.raises(Refused):
            batches.add_items(batch, [], by=stranger)
        with pytest.raises(Refused):
            batches.seal(batch, by=stranger, items=0, sha256="")


@pytest.mark.django_db(transaction=True)
def test_eight_openings_at_once_open_one_batch():
    city = pune()
    answers, refusals = race(lambda _: batches.open_batch(city, DAY, by=city.user))
    assert not refusals
    assert len({batch.pk for batch, _ in answers}) == 1
    assert [made for _, made in answers].count(True) == 1


def test_seal_takes_the_count_and_hash_of_the_accepted_items():
    vehicles()
    city = pune()
    batch = opened(city)
    batches.add_items(batch, [item("b"), item("é"), item("a"), item("x", label_status="unsure")], by=city.user)
    lines = sorted(f"{event}:{hashlib.sha256(event.encode()).hexdigest()}\n".encode() for event in ("a", "b", "é"))
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    assert batches.seal(batch, by=city.user, items=3, sha256=digest).state == BatchState.SEALED
    assert batches.seal(batch, by=city.user, items=3, sha256=digest).item_count == 3
    with pytest.raises(Conflict, match="sealed already"):
        batches.seal(batch, by=city.user, items=2, sha256=digest)
    assert Event.objects.filter(verb="seal").count() == 1


def test_seal_of_another_manifest_tells_what_the_hub_holds():
    vehicles()
    city = pune()
    batch = opened(city)
    batches.add_items(batch, [item(f"e-{number:02}") for number in range(30)], by=city.user)
    with pytest.raises(Conflict) as refused:
        batches.seal(batch, by=city.user, items=29, sha256="0" * 64)
    facts = refused.value.facts
    assert facts["items"] == 30
    assert facts["sha256"] == batches.manifest(batch)[1]
    assert facts["first_ids"] == [f"e-{number:02}" for number in range(20)]
    batch.refresh_from_db()
    assert batch.state == BatchState.OPEN


def test_a_sealed_batch_takes_no_more_items():
    vehicles()
    city = pune()
    batch = sealed(opened(city))
    with pytest.raises(Conflict, match="takes no more items"):
        batches.add_items(batch, [item()], by=city.user)


def test_a_batch_is_rejected_only_where_something_was_refused_and_nothing_taken():
    vehicles()
    city = pune()
    refused = opened(city)
    batches.add_items(refused, [item(label_status="unsure")], by=city.user)
    assert registered(refused).state == BatchState.REJECTED
    assert registered(opened(city)).state == BatchState.REGISTERED  # an empty one


def test_a_batch_nobody_sealed_expires_and_frees_its_events():
    vehicles()
    city = pune()
    batch = opened(city)
    batches.add_items(batch, [item("e-1"), item("e-2")], by=city.user)
    with pytest.raises(Conflict, match="seven days"):
        batches.expire(batch, by=None)
    UploadBatch.objects.update(opened_at=timezone.now() - timedelta(days=8))
    sweep_sealed()
    batch.refresh_from_db()
    assert batch.state == BatchState.EXPIRED
    assert not LearningSample.objects.exists()
    assert not StoredObject.objects.exists()
    with pytest.raises(IllegalMove):
        batches.expire(batch, by=None)
    again = opened(city)
    assert batches.add_items(again, [item("e-1")], by=city.user)[0]["outcome"] == "accepted"
