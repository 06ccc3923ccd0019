"""The review page as the server makes it; what its script does is shown in tests/browser."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from learning.actions import module as module_verbs
from learning.models import City, HitlLabel, ReviewSlot, UploadBatch
from tests import people
from tests.factories import training as rooms
from tests.factories.learning import vehicles
from tests.pages import looking, text_of

pytestmark = pytest.mark.django_db


def start_of(response) -> dict:
    return json.loads(re.search(r'id="review-start"[^>]*>(.*?)</script>', text_of(response), re.DOTALL)[1])


def waiting(module, count: int = 2) -> None:
    place = rooms.city(people.ada())
    for number in range(count):
        pending = {"state": "pending", "truth": None, "truth_sha256": "", "prediction": {"label": module.schema.names[0]}}
        ReviewSlot.opened(rooms.sample(module, place, number, **pending)).save()


def test_it_opens_on_the_module_in_which_something_waits():
    vehicles(slug="a_quiet_one", name="A quiet one")
    busy = vehicles(slug="busy", name="Busy")
    waiting(busy)
    response = looking(people.ann()).get(reverse("learning:review"))
    assert start_of(response)["module"] == "busy"
    assert re.search(r"data-waiting>2<", text_of(response))


def test_the_keys_come_from_the_schema():
    vehicles(labels=[{"name": "car", "shortcut": "c"}, "bus", {"name": "bicycle", "shortcut": ""}])
    labels = start_of(looking(people.ann()).get(reverse("learning:review")))["labels"]
    assert [(label["name"], label["key"]) for label in labels] == [("car", "c"), ("bus", "2"), ("bicycle", "1")]
    labels = start_of(looking(people.rhea()).get(reverse("learning:review") + "?kind=dispute"))["labels"]
    assert [label["key"] for label in labels] == ["1", "2", "3"]  # c means the third answer there


def test_digits_are_their_own_keys():
    rooms.module(people.ada())
    labels = start_of(looking(people.ann()).get(reverse("learning:review")))["labels"]
    assert all(label["name"] == label["key"] for label in labels)


def test_a_text_module_asks_in_a_field():
    module_verbs.add("plates", by=None, name="Plates", task="text", text={"max_length": 9})
    page = text_of(looking(people.ann()).get(reverse("learning:review")))
    assert re.search(r'<input[^>]*data-text[^>]*maxlength="9"', page)
    assert "data-label=" not in page


def test_today_counts_the_own_judgements_only():
    module = vehicles()
    place = rooms.city(people.ada())
    for number, person in enumerate([people.ann(), people.ann(), people.al()]):
        HitlLabel.objects.create(
            sample=rooms.sample(module, place, number, label="car"),
            city=place,
            label_status="correct",
            decision="correct",
            labeled_at=rooms.NOON,
            annotator=person,
        )
    assert "data-today>2<" in text_of(looking(people.ann()).get(reverse("learning:review")))


def test_an_unknown_module_is_not_found():
    assert looking(people.ann()).get(reverse("learning:review", args=["nothing"])).status_code == 404


def test_an_annotator_reviews_and_sees_no_other_page():
    ann = looking(people.ann())
    assert ann.get(reverse("learning:review")).status_code == 200
    assert ann.get(reverse("learning:samples")).status_code == 403
    assert reverse("training:models") not in text_of(ann.get("/"))


def test_other_queues_are_offered_where_something_waits_in_them_for_that_person():
    module = vehicles()
    waiting(module)
    sample = ReviewSlot.objects.first().sample
    ReviewSlot.opened(sample, kind="check", slot_no=5).save()
    ReviewSlot.opened(sample, kind="rework", slot_no=6, only_user=people.al()).save()

    def offered(person) -> list[str]:
        return re.findall(r'href="[^"]*kind=(\w+)"', text_of(looking(person).get(reverse("learning:review"))))

    assert sorted(set(offered(people.rhea()))) == ["check"]
    assert sorted(set(offered(people.al()))) == ["returned"]
    assert offered(people.ann()) == []
    assert looking(people.ann()).get(reverse("learning:review") + "?kind=check").status_code == 403


def test_it_says_when_more_comes():
    module = vehicles()
    place = rooms.city(people.ada())
    there = reverse("learning:review-more", args=[module.slug])
    assert looking(people.ann()).get(there).json() == {"sentences": []}
    day = timezone.now().date()
    batch = UploadBatch.objects.create(id="batch_1", city=place, day=day, state="sealed")
    rooms.sample(module, place, 1, batch=batch)
    City.objects.filter(pk=place.pk).update(expected_every=timedelta(days=1), name="Pune")
    verified, due = looking(people.ann()).get(there).json()["sentences"]
    assert verified == "1 batch is being verified right now."
    assert due.startswith("Pune is expected to send again by ")
    assert looking(people.cy()).get(there).status_code == 403


def test_without_a_module_who_may_is_led_to_making_one_and_others_are_told_who_does():
    there = reverse("learning:module-new")
    for address in (reverse("learning:review"), reverse("home")):
        assert f'href="{there}"' in text_of(looking(people.ada()).get(address))
        page = text_of(looking(people.ann()).get(address))
        assert there not in page
        assert "A super admin makes the first one" in page
