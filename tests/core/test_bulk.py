"""Very many rows at once: spelled as the database wants them, by COPY or executemany, at once or behind the caller's back."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Event, User
from core.bulk import Behind, Table, take_keys, write
from learning.models import Camera
from tests.factories.learning import pune

pytestmark = pytest.mark.django_db
WAIT = object()
AWKWARD = ["plain", "tab\there", "line\nbreak", "back\\slash \\N", "100 % %s", "ünï 中 \r", ""]


def cameras(city, names):
    return {"city_id": city.pk, "camera_id": list(names)}


def write_behind(city, names, fails=None):
    with transaction.atomic(), Behind() as behind:
        for each in names:
            if each is WAIT:
                behind.wait()
            else:
                behind.write(Camera, len(each), cameras(city, each))
        if fails:
            raise fails


def test_texts_come_back_as_they_were_sent():
    city = pune()
    write(Camera, len(AWKWARD), cameras(city, AWKWARD))
    assert sorted(Camera.objects.values_list("camera_id", flat=True)) == sorted(AWKWARD)


def test_a_table_takes_its_rows_one_by_one():
    city, table = pune(), Table(Camera)
    for name in AWKWARD:
        table.add(city_id=city.pk, camera_id=name)
    assert len(table) == len(AWKWARD)
    table.write()
    assert Camera.objects.filter(last_sample_at=None).count() == len(AWKWARD)


def test_keys_that_were_taken_are_taken_by_nobody_else():
    first, second = take_keys(Event, 3), take_keys(Event, 0)
    assert (len(set(first)), second) == (3, [])


def test_rows_are_written_behind_in_the_order_of_the_calls():
    city = pune()
    with transaction.atomic(), Behind() as behind:
        for part in range(20):
            behind.write(Camera, 50, cameras(city, [f"{part}-{number}" for number in range(50)]))
        behind.write(Camera, 0, cameras(city, []))
    assert Camera.objects.count() == 1_000


def test_whoever_waits_has_the_connection_and_sees_what_was_written():
    city = pune()
    with transaction.atomic(), Behind() as behind:
        for part in range(3):
            behind.write(Camera, 100, cameras(city, [f"{part}-{number}" for number in range(100)]))
            behind.wait()
            assert Camera.objects.count() == 100 * (part + 1)


def test_whoever_waits_hears_of_the_refusal():
    city = pune()
    with pytest.raises(IntegrityError):
        write_behind(city, [["twin", "twin"], WAIT, ["other"]], AssertionError("the wait was the place to say so"))


@pytest.mark.parametrize("after", [0, 1, 10])
def test_what_is_refused_behind_is_raised_however_much_comes_after(after):
    city = pune()
    names = [["twin", "twin"], *([f"{part}"] for part in range(after))]
    with pytest.raises(IntegrityError):
        write_behind(city, names)
    assert not Camera.objects.exists()
    assert User.objects.filter(pk=city.user_id).exists()  # the connection is as good as before


def test_what_goes_wrong_before_the_end_is_what_is_raised():
    city = pune()
    with pytest.raises(LookupError):
        write_behind(city, [["twin", "twin"] if connection.vendor == "postgresql" else ["a", "b"]], LookupError())
    assert not Camera.objects.exists()
