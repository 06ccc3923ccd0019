"""Items: each accepted, known already, relabelled, or rejected with its reason; nothing is made twice."""

import contextlib
import hashlib
import io

import pytest
from django.db import connection
from django.test import override_settings

from core.errors import Invalid
from core.storage import AlreadyStored, store
from learning.actions import batch as batches
from learning.models import Camera, HitlLabel, LearningSample, SampleState, StoredObject, UploadRejection
from tests.factories.learning import delivered, file_of, item, opened, picture, pune, put, registered, vehicles
from tests.racing import race

pytestmark = pytest.mark.django_db
STORAGE_REQUIRED = ("city-id", "camera-id", "event-id", "label-status", "uploaded-at")


def add(batch, *items, **options):
    return batches.add_items(batch, list(items), by=batch.city.user, **options)


def test_an_accepted_item_is_a_sample_in_waiting_with_its_label_and_a_signed_upload():
    vehicles()
    city = pune()
    [answer] = add(
        opened(city),
        item("e-1", label_status="changed", correction={"label": "bus"}, operator_id="op-3", review_time_seconds=4),
    )
    sample = LearningSample.objects.get()
    assert (answer["outcome"], answer["sample_id"]) == ("accepted", sample.sample_id)
    assert (sample.state, sample.city, sample.event_id, sample.prediction) == ("received", city, "e-1", {"label": "car"})
    assert Camera.objects.get().camera_id == "cam-7"
    assert Camera.objects.get().last_sample_at == sample.captured_at
    label = HitlLabel.objects.get()
    assert (label.label_status, label.correction, label.operator_id, label.annotator) == (
        "changed",
        {"label": "bus"},
        "op-3",
        None,
    )
    upload = answer["upload"]
    assert upload["method"] == "PUT"
    assert sample.object.name in upload["url"]
    headers = {name.replace("_", "-"): value for name, value in upload["headers"].items()}  # stores spell them either way
    assert all(headers[f"x-amz-meta-{name}"] for name in STORAGE_REQUIRED)


def test_without_an_operator_the_label_is_the_citys_own():
    vehicles()
    city = pune()
    add(opened(city), item())
    assert HitlLabel.objects.get().annotator == city.user


def test_the_spellings_of_the_seed_are_understood():
    vehicles(slug="plates", task="text", labels=())
    told = item(
        ai_module="plates", prediction=None, plate_text="MH12", label_status="changed", corrected_plate="MH13",
        captured_at=None, detection_timestamp="2026-11-20T08:00:00+05:30",
    )  # fmt: skip
    assert add(opened(pune()), told)[0]["outcome"] == "accepted"
    assert HitlLabel.objects.get().correction == {"text": "MH13"}
    assert LearningSample.objects.get().captured_at.isoformat() == "2026-11-20T02:30:00+00:00"


def test_asked_again_while_awaited_an_item_keeps_its_name():
    vehicles()
    batch = opened(pune())
    [first], [second] = add(batch, item()), add(batch, item())
    assert second["outcome"] == "accepted"
    assert first["upload"]["url"].partition("?")[0] == second["upload"]["url"].partition("?")[0]
    assert (LearningSample.objects.count(), StoredObject.objects.count(), HitlLabel.objects.count()) == (1, 1, 1)


def test_the_same_file_under_another_event_shares_the_object_and_the_group():
    vehicles()
    batch = opened(pune())
    content = picture()
    first, second = add(batch, item("e-1", content), item("e-2", content))
    third = add(batch, item("e-3", content))[0]
    assert {answer["outcome"] for answer in (first, second, third)} == {"accepted"}
    assert StoredObject.objects.count() == 1
    assert LearningSample.objects.values("group_key").distinct().count() == 1


def test_another_city_does_not_learn_that_the_file_is_known():
    vehicles()
    content = picture()
    [first] = add(opened(pune()), item("e-1", content))
    [second] = add(opened(pune("city_goa")), item("e-1", content))
    assert second["outcome"] == "accepted"
    assert first["sample_id"] != second["sample_id"]
    assert StoredObject.objects.count() == 2


def test_what_the_hub_has_is_a_duplicate_and_nothing_is_made():
    vehicles()
    city = pune()
    delivered(city, 2)
    objects = StoredObject.objects.count()
    batch = opened(city)
    samples = LearningSample.objects.order_by("id")
    answers = add(batch, *(item(row.event_id, file={**file_of(b"x"), "sha256": row.object.sha256}) for row in samples))
    assert [answer["outcome"] for answer in answers] == ["duplicate"] * 2
    assert answers[0]["sample_id"] == samples[0].sample_id
    assert (LearningSample.objects.count(), StoredObject.objects.count()) == (2, objects)
    assert batch.counts() == {"accepted": 0, "duplicate": 2, "rejected": 0}


def test_another_file_under_a_known_event_is_a_conflict():
    vehicles()
    batch = opened(pune())
    answers = add(batch, item("e-1"), item("e-1", b"other"), item("e-1"))
    assert [answer["outcome"] for answer in answers] == ["accepted", "rejected", "duplicate"]
    assert answers[1]["reason"] == "event_id_conflict"


def test_another_label_for_a_settled_sample_is_a_new_label_and_a_new_truth(heard):
    vehicles()
    city = pune()
    content = picture()
    batch = opened(city)
    [answer] = add(batch, item("e-1", content))
    assert put(answer["upload"], content) == 200
    registered(batch)
    heard.clear()
    [answer] = add(opened(city), item("e-1", content, label_status="changed", correction={"label": "bus"}))
    assert answer["outcome"] == "relabelled"
    sample = LearningSample.objects.get()
    assert (sample.truth, sample.label_status, sample.state) == ({"label": "bus"}, "changed", SampleState.SETTLED)
    assert [change.new_truth for change in heard] == [sample.truth_sha256]
    assert HitlLabel.objects.latest("id").supersedes == HitlLabel.objects.earliest("id")


BAD = [
    ("not an object", "wrong_type"),
    (item() | {"event_id": ""}, "missing_event_id"),
    (item() | {"event_id": None}, "missing_event_id"),
    (item() | {"event_id": 7}, "wrong_type"),
    (item() | {"event_id": "a\0b"}, "wrong_type"),
    (item() | {"event_id": "e" * 201}, "wrong_type"),
    (item() | {"event_id": "😀" * 100}, "too_long"),
    (item(camera_id=None), "missing_camera_id"),
    (item(ai_module=None), "missing_ai_module"),
    (item(ai_module="unheard-of"), "unknown_ai_module"),
    (item(label_status="unsure"), "label_status_unsure"),
    (item(label_status="maybe"), "label_status_unknown"),
    (item(label_status=["correct"]), "label_status_unknown"),
    (item(label_status=None), "label_status_missing"),
    (item(label_status="unlabelled"), "unlabelled"),
    (item(prediction=None), "correct_without_prediction"),
    (item(label_status="changed"), "changed_without_correction"),
    (item(correction={"label": "bus"}), "correction_without_change"),
    (item(prediction={"label": "plane"}), "label_outside_schema"),
    (item(prediction={"boxes": [{"label": "car", "bbox": [0, 0, -1, 1]}]}), "box_outside_image"),
    (item(prediction="car"), "wrong_type"),
    (item(predicted_by="m1"), "wrong_type"),
    (item(confidence="high"), "wrong_type"),
    (item(confidence=1.5), "out_of_range"),
    (item(image_quality_score=-0.1), "out_of_range"),
    (item(sample_type="found"), "wrong_type"),
    (item(context_notes="n" * 2_001), "wrong_type"),
    (item(review_time_seconds=-1), "out_of_range"),
    (item(captured_at=None), "missing_captured_at"),
    (item(captured_at="yesterday"), "bad_time"),
    (item(captured_at="2026-11-20T12:00:00"), "bad_time"),
    (item(captured_at="2099-01-01T00:00:00Z"), "bad_time"),
    (item(captured_at=1_700_000_000), "bad_time"),
    (item(file=None), "missing_file"),
    (item(image_reference="s3://bucket/x.jpg"), "missing_file"),
    (item(file="x.jpg"), "wrong_type"),
    (item(file={**file_of(b"x"), "sha256": "abc"}), "bad_checksum"),
    (item(file={**file_of(b"x"), "md5": None}), "bad_checksum"),
    (item(file={**file_of(b"x"), "size": 0}), "wrong_type"),
    (item(file={**file_of(b"x"), "size": 20 * 1024 * 1024 + 1}), "oversize"),
    (item(file={**file_of(b"x"), "media_type": "text/html"}), "media_type_unknown"),
    (item(file=None, image_reference="s3://elsewhere/x.jpg"), "reference_unknown"),
    (item(file=None, image_reference="http://169.254.169.254/meta"), "reference_unknown"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD, ids=[f"{number}-{reason}" for number, (_, reason) in enumerate(BAD)])
def test_a_bad_item_gets_its_reason_and_the_rest_goes_on(bad, reason):
    vehicles()
    batch = opened(pune())
    answers = add(batch, item("good-1"), bad, item("good-2"))
    assert [answer["outcome"] for answer in answers] == ["accepted", "rejected", "accepted"]
    assert answers[1]["reason"] == reason
    assert answers[1]["detail"]
    assert UploadRejection.objects.get().reason == reason
    assert LearningSample.objects.count() == 2


def test_a_rejection_is_kept_once_and_goes_when_the_item_is_mended():
    vehicles()
    batch = opened(pune())
    for _ in range(2):
        add(batch, item(label_status="unsure"), {"ai_module": "vehicles"})
    assert batch.counts() == {"accepted": 0, "duplicate": 0, "rejected": 2}
    add(batch, item())
    assert batch.counts() == {"accepted": 1, "duplicate": 0, "rejected": 1}


def test_quality_below_the_modules_threshold_is_rejected():
    module = vehicles()
    type(module).objects.update(min_quality=0.5)
    answers = add(opened(pune()), item("e-1", image_quality_score=0.4), item("e-2", image_quality_score=0.5))
    assert [answer.get("reason") for answer in answers] == ["quality_below_threshold", None]


def test_a_module_may_accept_what_nobody_labelled():
    vehicles(accepts_unlabelled=True)
    answers = add(opened(pune()), item("e-1", label_status=None), item("e-2", label_status="unlabelled", prediction=None))
    assert [answer["outcome"] for answer in answers] == ["accepted"] * 2
    assert not HitlLabel.objects.exists()


def test_a_reference_names_only_an_image_of_this_city():
    vehicles()
    city = pune()
    [sample] = delivered(city, 1)
    name = sample.object.name
    own = item("e-9", file=None, image_reference=store().reference(name))
    assert add(opened(pune("city_goa")), own)[0]["reason"] == "reference_unknown"
    thumbnail = item("e-8", file=None, image_reference=store().reference(sample.object.thumbnail.name))
    elsewhere = item("e-7", file=None, image_reference=f"s3://elsewhere/{name}")
    answers = add(opened(city), own, thumbnail, elsewhere)
    assert [answer.get("reason") for answer in answers] == [None, "reference_unknown", "reference_unknown"]
    assert answers[0]["upload"] is None
    assert LearningSample.objects.get(event_id="e-9").object == sample.object


def test_only_with_the_scope_an_object_is_adopted():
    vehicles()
    city = pune()
    content = picture()
    name = "01234567-89ab-7def-8123-456789abcdef.png"
    with contextlib.suppress(AlreadyStored):  # a shared S3 store may hold it from another run
        store().put_new(name, io.BytesIO(content), media_type="image/png", metadata={"city_id": "x"})
    told = item(file=None, image_reference=store().reference(name))
    assert add(opened(city), told)[0]["reason"] == "reference_unknown"
    batch = opened(city)
    assert add(batch, told, adopt=True)[0]["outcome"] == "accepted"
    ids, digest = batches.manifest(batch)
    assert (ids, digest) == (["e-1"], hashlib.sha256(f"e-1:{store().reference(name)}\n".encode()).hexdigest())
    registered(batch)
    sample = LearningSample.objects.get()
    assert sample.state == SampleState.SETTLED
    assert (sample.object.width, sample.object.media_type) == (48, "image/png")
    store().remove(name)


def test_a_sample_id_of_another_sample_is_refused():
    vehicles()
    add(opened(pune()), item("e-1", sample_id="mine"))
    answers = add(opened(pune("city_goa")), item("e-1", sample_id="mine"), item("e-2", sample_id="other"))
    assert [answer.get("reason") for answer in answers] == ["sample_id_conflict", None]


def test_a_request_holds_ten_thousand_items_at_most():
    with pytest.raises(Invalid, match="10,000"):
        add(opened(pune()), *([{}] * 10_001))


def test_a_large_request_takes_a_fixed_number_of_statements(django_assert_max_num_queries):
    vehicles()
    batch = opened(pune())
    add(batch, *(item(f"a-{number}") for number in range(10)))
    with django_assert_max_num_queries(25 if connection.vendor == "postgresql" else 70):  # SQLite takes 999 values at once
        answers = add(batch, *(item(f"e-{number}", camera_id=f"cam-{number % 7}") for number in range(700)))
    assert {answer["outcome"] for answer in answers} == {"accepted"}


@override_settings(UPLOAD_MAX_BYTES=10)
def test_the_largest_file_is_a_setting():
    vehicles()
    assert add(opened(pune()), item("e-1", b"x" * 11))[0]["reason"] == "oversize"


@pytest.mark.django_db(transaction=True)
def test_four_identical_requests_at_once_make_each_sample_and_object_once():
    vehicles()
    batch = opened(pune())
    items = [item(f"e-{number}", b"same" if number % 2 else b"") for number in range(40)]
    answers, refusals = race(lambda _: add(batch, *items), threads=4)
    assert not refusals
    assert LearningSample.objects.count() == HitlLabel.objects.count() == 40
    assert StoredObject.objects.count() == 21
    assert len({tuple(answer["sample_id"] for answer in each) for each in answers}) == 1


@pytest.mark.django_db(transaction=True)
def test_of_four_identical_batches_at_once_one_is_accepted_and_three_are_duplicates():
    vehicles()
    city = pune()
    apart = [opened(city, client_batch_id=f"b-{number}") for number in range(4)]
    items = [item(f"e-{number}") for number in range(30)]
    answers, refusals = race(lambda index: add(apart[index], *items), threads=4)
    assert not refusals
    outcomes = sorted({answer["outcome"] for answer in each}.pop() for each in answers)
    assert outcomes == ["accepted", "duplicate", "duplicate", "duplicate"]
    assert LearningSample.objects.count() == StoredObject.objects.count() == 30


@pytest.mark.django_db(transaction=True)
def test_of_two_cities_that_bring_one_sample_id_at_once_one_is_told_of_the_conflict():
    vehicles()
    apart = [opened(pune(slug)) for slug in ("city_pune", "city_goa")]
    told = [item(f"e-{number}", sample_id=f"mine-{number}") for number in range(20)]
    answers, refusals = race(lambda index: add(apart[index], *told), threads=2)
    assert not refusals
    outcomes = sorted({(answer["outcome"], answer.get("reason")) for each in answers for answer in each}, key=str)
    assert outcomes == [("accepted", None), ("rejected", "sample_id_conflict")]
    assert LearningSample.objects.count() == StoredObject.objects.count() == HitlLabel.objects.count() == 20


def test_whatever_text_an_item_holds_is_written_as_it_is():
    vehicles(task="text", labels=())
    odd = "tab\t back\\slash \\N new\nline return\r “quotes” \\t {1,2} é 😀"
    told = item(
        "e\\N", prediction={"text": odd}, context_notes=odd, predicted_by={"model": odd}, confidence=0.1, camera_id="\\."
    )
    assert add(opened(pune()), told)[0]["outcome"] == "accepted"
    sample = LearningSample.objects.get()
    assert (sample.event_id, sample.context_notes, sample.prediction) == ("e\\N", odd, {"text": odd})
    assert (sample.predicted_by, sample.confidence, sample.camera.camera_id) == ({"model": odd}, 0.1, "\\.")
    assert sample.received_at
    assert HitlLabel.objects.get().prediction == {"text": odd}
