"""Verifying a batch: what is missing, lies or is no image is rejected and freed; the rest is registered, once."""

import io
from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.utils import timezone
from PIL import Image

from accounts.models import Event
from core.canonical import canonical_sha256
from core.storage import ObjectMissing, StoreError, store
from learning.actions import batch as batches
from learning.actions import verification
from learning.models import (
    BatchState,
    HitlLabel,
    LearningSample,
    ReviewSlot,
    SampleState,
    StoredObject,
    UploadBatch,
    UploadRejection,
    VerificationChunk,
)
from learning.tasks import sweep_sealed, verify_batch
from tests.factories.learning import delivered, file_of, item, opened, picture, pune, put, registered, sealed, vehicles
from tests.racing import race

pytestmark = pytest.mark.django_db


def sent(city, contents, **fields):
    """A batch of these contents by event id, uploaded; None is announced and never sent."""
    batch = opened(city)
    items = [item(event, content or b"", **fields) for event, content in contents.items()]
    for answer in batches.add_items(batch, items, by=city.user):
        if contents[answer["event_id"]] is not None:
            assert put(answer["upload"], contents[answer["event_id"]]) == 200
    return batch


def test_a_verified_sample_is_settled_by_its_trusted_city_label(heard):
    vehicles()
    first, *_ = delivered(pune(), 2)
    assert (first.state, first.truth, first.label_status) == (SampleState.SETTLED, {"label": "car"}, "correct")
    assert first.truth_sha256 == canonical_sha256({"label": "car"})
    assert 0 < first.image_quality_score <= 1
    obj = first.object
    assert (obj.width, obj.height, bool(obj.etag), bool(obj.verified_at)) == (48, 32, True, True)
    with store().open_object(obj.thumbnail.name) as stream, Image.open(io.BytesIO(stream.read())) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (48, 32))
    batch = UploadBatch.objects.get()
    assert (batch.state, batch.counts()["accepted"]) == (BatchState.REGISTERED, 2)
    assert [(change.old_state, change.new_state) for change in heard] == [("received", "settled")] * 2


def test_a_correction_of_the_city_is_the_truth():
    vehicles()
    [sample] = delivered(pune(), 1, label_status="changed", correction={"label": "bus"})
    assert (sample.truth, sample.label_status) == ({"label": "bus"}, "changed")


def test_labels_to_be_reviewed_wait_for_a_person():
    vehicles(review_policy={"city_labels": "review"})
    [sample] = delivered(pune(), 1)
    assert (sample.state, sample.truth) == (SampleState.PENDING, None)
    slot = ReviewSlot.objects.get()
    assert (slot.sample, slot.slot_no, slot.judged_by, slot.state) == (sample, 1, "", "open")


def test_the_share_to_be_checked_is_drawn_by_the_sample_id():
    module = vehicles(review_policy={"city_labels": "check", "check_share": 0.5})
    delivered(pune(), 12)
    pending = {sample.sample_id for sample in LearningSample.objects.filter(state=SampleState.PENDING)}
    everything = LearningSample.objects.values_list("sample_id", flat=True)
    assert pending == {sample_id for sample_id in everything if module.policy.picks(sample_id)}
    assert 0 < len(pending) < 12
    assert ReviewSlot.objects.count() == len(pending)


def test_unlabelled_samples_wait_whatever_the_policy():
    vehicles(accepts_unlabelled=True)
    [sample] = delivered(pune(), 1, label_status=None)
    assert sample.state == SampleState.PENDING


def jpeg_with(**exif):
    image = Image.new("RGB", (20, 10), "red")
    tags = image.getexif()
    if "gps" in exif:
        tags.get_ifd(0x8825)[1] = "N"
    for tag, value in exif.get("tags", {}).items():
        tags[tag] = value
    out = io.BytesIO()
    image.save(out, "JPEG", exif=tags)
    return out.getvalue()


def frames():
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "GIF", save_all=True, append_images=[Image.new("L", (8, 8), 255)])
    return out.getvalue()


REFUSED = [
    (None, "image/png", "not_uploaded"),
    (b"<html>no image</html>", "image/png", "not_an_image"),
    (picture()[:200], "image/png", "not_an_image"),
    (picture(kind="JPEG"), "image/png", "media_type_wrong"),
    (jpeg_with(gps=True), "image/jpeg", "exif_gps"),
    (jpeg_with(tags={0x013B: "Rita"}), "image/jpeg", "exif_owner"),
    (frames(), "image/gif", "several_frames"),
]


@pytest.mark.parametrize(("content", "media_type", "reason"), REFUSED, ids=[row[2] for row in REFUSED])
def test_a_bad_image_becomes_a_rejection_and_frees_its_event(content, media_type, reason):
    vehicles()
    city = pune()
    good = picture()
    batch = opened(city)
    told = [item("good", good), item("bad", file=file_of(content or b"never sent", media_type))]
    for answer, body in zip(batches.add_items(batch, told, by=city.user), (good, content), strict=True):
        assert body is None or put(answer["upload"], body) == 200
    name = LearningSample.objects.get(event_id="bad").object.name
    registered(batch)
    assert (batch.state, batch.counts()) == (BatchState.REGISTERED, {"accepted": 1, "duplicate": 0, "rejected": 1})
    assert UploadRejection.objects.values_list("event_id", "reason").get() == ("bad", reason)
    assert not StoredObject.objects.filter(name=name).exists()
    with pytest.raises(ObjectMissing):
        store().stat(name)
    again = batches.add_items(opened(city), [item("bad", picture(9))], by=city.user)
    assert again[0]["outcome"] == "accepted"


def test_bytes_with_another_checksum_are_rejected():
    vehicles()
    city = pune()
    content = picture()
    batch = opened(city)
    [answer] = batches.add_items(batch, [item(file={**file_of(content), "sha256": "0" * 64})], by=city.user)
    assert put(answer["upload"], content) == 200
    registered(batch)
    assert batch.state == BatchState.REJECTED
    assert UploadRejection.objects.get().reason == "wrong_checksum"


def test_a_signed_address_takes_only_what_was_announced_and_once():
    vehicles()
    city = pune()
    content = picture()
    [answer] = batches.add_items(opened(city), [item("e-1", content)], by=city.user)
    assert put(answer["upload"], content[:-1] + b"x") >= 400
    assert put(answer["upload"], content) == 200
    assert put(answer["upload"], content) == 412


def test_too_many_pixels_are_rejected(settings):
    settings.UPLOAD_MAX_PIXELS = 48 * 32 - 1
    vehicles()
    batch = registered(sent(pune(), {"e-1": picture()}))
    assert UploadRejection.objects.get().reason == "too_many_pixels"
    assert batch.state == BatchState.REJECTED


def test_a_box_outside_its_image_is_rejected_once_the_size_is_known():
    vehicles(task="detection")
    prediction = {"boxes": [{"label": "car", "bbox": [0, 0, 49, 32]}]}
    registered(sent(pune(), {"e-1": picture()}, prediction=prediction))
    assert UploadRejection.objects.get().reason == "box_outside_image"


def test_boxes_are_measured_on_the_upright_image():
    vehicles(task="detection")
    turned = jpeg_with(tags={0x0112: 6})
    prediction = {"boxes": [{"label": "car", "bbox": [0, 0, 10, 20]}]}
    batch = opened(pune())
    told = item(file=file_of(turned, "image/jpeg"), prediction=prediction)
    [answer] = batches.add_items(batch, [told], by=batch.city.user)
    assert put(answer["upload"], turned) == 200
    registered(batch)
    obj = LearningSample.objects.get().object
    assert (obj.width, obj.height) == (10, 20)


def test_an_image_of_two_events_is_looked_at_once_and_kept_for_both():
    vehicles()
    city = pune()
    content = picture()
    batch = opened(city)
    first, _ = batches.add_items(batch, [item("e-1", content), item("e-2", content)], by=city.user)
    assert put(first["upload"], content) == 200
    registered(batch)
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == 2
    later = opened(city)
    [answer] = batches.add_items(later, [item("e-3", content)], by=city.user)
    assert (answer["outcome"], answer["upload"]) == ("accepted", None)
    registered(later)
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == 3
    assert StoredObject.objects.filter(kind="image").count() == StoredObject.objects.filter(kind="thumbnail").count() == 1


def test_verifying_twice_changes_nothing(heard):
    vehicles()
    delivered(pune(), 2)
    before = list(LearningSample.objects.values()), StoredObject.objects.count(), Event.objects.count(), len(heard)
    verify_batch("batch_city_pune_20261120")
    verification._finish("batch_city_pune_20261120")
    assert before == (list(LearningSample.objects.values()), StoredObject.objects.count(), Event.objects.count(), len(heard))


class Dying(Exception):
    """The worker is killed here."""


def test_a_worker_killed_in_the_middle_is_followed_by_another(monkeypatch):
    vehicles()
    city = pune()
    batch = sealed(sent(city, {f"e-{number}": picture(number) for number in range(7)}))
    monkeypatch.setattr(verification, "CHUNK", 3)
    write = verification._write
    done = []

    def write_once(*args):
        if done:
            raise Dying
        done.append(1)
        return write(*args)

    monkeypatch.setattr(verification, "_write", write_once)
    with pytest.raises(Dying):
        batches.verify(batch.pk)
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == 3
    monkeypatch.setattr(verification, "_write", write)
    sweep_sealed()
    batch.refresh_from_db()
    assert batch.state == BatchState.REGISTERED
    assert LearningSample.objects.filter(state=SampleState.SETTLED).count() == 7
    assert StoredObject.objects.filter(kind="thumbnail").count() == 7


def test_a_chunk_in_another_workers_hands_is_let_be_until_its_claim_runs_out():
    vehicles()
    batch = sealed(sent(pune(), {"e-1": picture()}))
    verification._cut(batch.pk)
    VerificationChunk.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))
    sweep_sealed()
    batches.verify(batch.pk)
    assert LearningSample.objects.get().state == SampleState.RECEIVED
    VerificationChunk.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    sweep_sealed()
    assert LearningSample.objects.get().state == SampleState.SETTLED


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_batch_register_it_once(heard):
    vehicles(review_policy={"city_labels": "review"})
    batch = sealed(sent(pune(), {f"e-{number}": picture(number) for number in range(9)}))

    def work(_):
        verification._cut(batch.pk)
        VerificationChunk.objects.update(claimed_until=None)  # all three take the same chunk
        batches.verify(batch.pk)

    race(work, threads=3)
    sweep_sealed()
    assert LearningSample.objects.filter(state=SampleState.PENDING).count() == ReviewSlot.objects.count() == 9
    assert len(heard) == 9
    assert Event.objects.filter(verb="verify").count() == 1


def test_a_store_that_does_not_answer_rejects_nothing(monkeypatch):
    vehicles()
    batch = sealed(sent(pune(), {"e-1": picture()}))

    def down(name):
        raise StoreError("no answer")

    monkeypatch.setattr(storages["objects"], "stat", down)
    with pytest.raises(StoreError):
        batches.verify(batch.pk)
    monkeypatch.undo()
    assert not UploadRejection.objects.exists()
    sweep_sealed()
    assert LearningSample.objects.get().state == SampleState.SETTLED


def test_sent_from_the_middle_again_makes_no_second_sample_and_no_second_object():
    vehicles()
    city = pune()
    contents = {f"e-{number}": picture(number) for number in range(6)}
    items = [item(event, content) for event, content in contents.items()]
    batch = opened(city)
    for answer in batches.add_items(batch, items[:4], by=city.user)[:2]:
        assert put(answer["upload"], contents[answer["event_id"]]) == 200
    for answer in batches.add_items(opened(city), items, by=city.user):
        assert put(answer["upload"], contents[answer["event_id"]]) in {200, 412}
    registered(batch)
    counts = LearningSample.objects.count(), HitlLabel.objects.count(), StoredObject.objects.filter(kind="image").count()
    assert counts == (6, 6, 6)
    again = opened(city)
    assert {answer["outcome"] for answer in batches.add_items(again, items, by=city.user)} == {"duplicate"}
    assert registered(again).state == BatchState.REGISTERED
    assert LearningSample.objects.count() == 6


def test_a_chunk_takes_a_fixed_number_of_statements(django_assert_max_num_queries):
    vehicles()
    batch = sealed(sent(pune(), {f"e-{number}": picture(number) for number in range(30)}))
    with django_assert_max_num_queries(51):
        batches.verify(batch.pk)
