"""What a city's client may send by mistake or in malice: always a problem, or a rejection that names the item and the field."""

import json

import pytest
from django.test import Client
from msgspec import Raw

from accounts.actions import access_key
from learning.items import Rejected, parse
from learning.models import HitlLabel, LearningSample, UploadRejection
from tests.factories.learning import file_of, item, opened, pune, vehicles
from tests.racing import race

pytestmark = pytest.mark.django_db
GOOD = item("good")
BOX = {"label": "car", "bbox": [1, 2, 3, 4]}


class Sender:
    """A city's client that sends whatever bytes it is given."""

    def __init__(self, **batch):
        vehicles(attributes=[{"name": "lanes", "type": "number", "per": "sample"}])
        self.batch = opened(pune(), **batch)
        self.path = f"/api/v1/learning/batches/{self.batch.pk}/items"
        self.key = access_key.issue(self.batch.city.user, by=None)[1]

    def send(self, body: bytes):
        headers = {"authorization": f"Bearer {self.key}"}
        return Client().post(self.path, body, content_type="application/json", headers=headers)


def spelled(**fields) -> bytes:
    """One item, whose fields of bytes are put in as they are: JSON that Python would not write."""
    raw = {f"@{name}@": value for name, value in fields.items() if isinstance(value, bytes)}
    told = item("bad") | {name: f"@{name}@" if isinstance(value, bytes) else value for name, value in fields.items()}
    text = json.dumps(told).encode()
    for mark, value in raw.items():
        text = text.replace(json.dumps(mark).encode(), value)
    return text


BROKEN = [
    (spelled(event_id=7), "wrong_type", "event_id"),
    (spelled(event_id=["bad"]), "wrong_type", "event_id"),
    (spelled(event_id=rb'"a\u0000b"'), "wrong_type", "event_id"),
    (spelled(event_id=rb'"a\nb"'), "wrong_type", "event_id"),
    (spelled(camera_id={}), "wrong_type", "camera_id"),
    (spelled(camera_id="c" * 121), "wrong_type", "camera_id"),
    (spelled(ai_module=rb'"vehicles\u0000"'), "wrong_type", "ai_module"),
    (spelled(ai_module=True), "wrong_type", "ai_module"),
    (spelled(label_status=0), "label_status_unknown", "label_status"),
    (spelled(captured_at="2026-11-20T12:00:00"), "bad_time", "captured_at"),
    (spelled(captured_at="2026-02-30T12:00:00Z"), "bad_time", "captured_at"),
    (spelled(captured_at=b"1e300"), "bad_time", "captured_at"),
    (spelled(labeled_at="0001-01-01T00:00:00+14:00"), "bad_time", "labeled_at"),
    (spelled(confidence=b"1" * 300), "out_of_range", "confidence"),
    (spelled(confidence=b"-1e-5"), "out_of_range", "confidence"),
    (spelled(confidence=True), "wrong_type", "confidence"),
    (spelled(image_quality_score="0.5"), "wrong_type", "image_quality_score"),
    (spelled(review_time_seconds=b"1e300"), "out_of_range", "review_time_seconds"),
    (spelled(sample_type="stolen"), "wrong_type", "sample_type"),
    (spelled(sample_id="s" * 201), "wrong_type", "sample_id"),
    (spelled(context_notes=rb'"a\u0000b"'), "wrong_type", "context_notes"),
    (spelled(predicted_by={"model": 1}), "wrong_type", "predicted_by.model"),
    (spelled(predicted_by={"weights": "x"}), "wrong_type", "predicted_by.weights"),
    (spelled(prediction=b"[" * 200 + b"]" * 200), "wrong_type", "prediction"),
    (spelled(prediction={"label": "car", "depth": 1}), "wrong_type", "prediction.depth"),
    (spelled(prediction={"boxes": [BOX, {"label": "car"}]}), "wrong_type", "prediction.boxes[1].bbox"),
    (spelled(prediction={"boxes": [{**BOX, "bbox": [1, 2, "3", 4]}]}), "wrong_type", "prediction.boxes[0].bbox[2]"),
    (spelled(prediction={"boxes": [{**BOX, "bbox": [1, 2, 3, 10**30]}]}), "out_of_range", "prediction.boxes[0].bbox[3]"),
    (spelled(prediction={"boxes": [{**BOX, "bbox": [1, 2, 3, 0]}]}), "box_outside_image", "prediction"),
    (spelled(prediction={"boxes": [BOX] * 1_001}), "wrong_type", "prediction.boxes"),
    (spelled(prediction={"label": "car", "attributes": {"lanes": [2]}}), "wrong_type", "prediction.attributes"),
    (spelled(prediction={"label": "car", "attributes": {"lanes": 10**300}}), "out_of_range", "prediction.attributes"),
    (spelled(prediction={"label": "ночь"}), "label_outside_schema", "prediction"),
    (spelled(file={**file_of(b"x"), "size": 1.5}), "wrong_type", "file.size"),
    (spelled(file={**file_of(b"x"), "size": 10**40}), "oversize", "file.size"),
    (spelled(file={"sha256": "0" * 64}), "bad_checksum", "file.md5"),
    (spelled(file={**file_of(b"x"), "media_type": None}), "media_type_unknown", "file.media_type"),
    (spelled(file={**file_of(b"x"), "sha256": "0" * 64 + "\n"}), "bad_checksum", "file.sha256"),
    (b"[]", "wrong_type", "item"),
    (b"null", "wrong_type", "item"),
]


def test_each_broken_item_is_rejected_by_its_name_and_its_field_and_the_rest_is_taken():
    sender = Sender()
    told = [json.dumps(item(f"good-{number}")).encode() for number in range(2)]
    body = b'{"items": [' + b",".join([told[0], *(raw for raw, _, _ in BROKEN), told[1]]) + b"]}"
    answer = sender.send(body)
    assert answer.status_code == 200, answer.content
    first, *rejected, last = answer.json()["results"]
    assert [first["outcome"], last["outcome"]] == ["accepted"] * 2
    for told, (raw, reason, field) in zip(rejected, BROKEN, strict=True):
        assert (told["outcome"], told["reason"]) == ("rejected", reason), (raw[:200], told)
        assert field in told["detail"], (raw[:200], told)
    named = [told["event_id"] for told, (raw, _, _) in zip(rejected, BROKEN, strict=True) if b'"bad"' in raw]
    assert set(named[2:]) == {"bad"}
    assert (LearningSample.objects.count(), HitlLabel.objects.count()) == (2, 2)
    assert UploadRejection.objects.filter(event_id="bad").exists()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"event_id": "\xff"}', "malformed"),
        (b'{"confidence": 1e999}', "out_of_range"),
        (b'{"file": {"size": ' + b"9" * 5_000 + b"}}", "wrong_type"),
    ],
)
def test_what_other_readers_of_json_would_not_read_is_rejected_too(raw, reason):
    with pytest.raises(Rejected) as refused:
        parse(Raw(raw))
    assert refused.value.reason == reason


def test_text_of_all_the_worlds_plates_is_taken_as_it_is():
    sender = Sender()
    vehicles(slug="plates", task="text", labels=())
    texts = ["品川 300 あ 12-34", "গ-১২৩৪", "ABC\\u0000", "Ж 123", "😀", "\u202e12", "a\tb"]
    items = [
        item(f"é-{number}", ai_module="plates", prediction={"text": text}, camera_id="Straße 7")
        for number, text in enumerate(texts)
    ]
    results = sender.send(json.dumps({"items": items}).encode()).json()["results"]
    assert {result["outcome"] for result in results} == {"accepted"}, results
    assert [sample.prediction["text"] for sample in LearningSample.objects.order_by("id")] == texts


BODIES = [
    (b"", 400),
    (b"null", 400),
    (b'{"items": [NaN]}', 400),
    (b'{"items": [{"confidence": Infinity}]}', 400),
    (b'{"items": [{}', 400),
    (rb'{"items": [{"event_id": "\ud800"}]}', 400),
    (b'{"items": {}} ', 400),
    (b'{"item": []}', 400),
    (b'{"items": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", 400),
    (b'{"items": [' + b",".join([b"{}"] * 10_001) + b"]}", 422),
    (json.dumps({"items": []}).encode("utf-16"), 400),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_brings_no_items_is_a_problem(body, status):
    answer = Sender().send(body)
    assert (answer.status_code, answer["content-type"]) == (status, "application/problem+json"), answer.content
    assert answer.json()["detail"]
    assert not UploadRejection.objects.exists()


def test_one_event_twice_in_a_request_is_taken_once():
    sender = Sender()
    body = json.dumps({"items": [item("e"), item("e"), item("e", b"another file"), item("f")]}).encode()
    results = sender.send(body).json()["results"]
    assert [result["outcome"] for result in results] == ["accepted", "duplicate", "rejected", "accepted"]
    assert [result["event_id"] for result in results] == ["e", "e", "e", "f"]
    assert LearningSample.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_four_identical_bodies_at_once_one_is_accepted_whole():
    senders = [Sender(client_batch_id="b-0")]
    for number in range(1, 4):
        sender = object.__new__(Sender)
        sender.batch, sender.key = opened(senders[0].batch.city, client_batch_id=f"b-{number}"), senders[0].key
        sender.path = f"/api/v1/learning/batches/{sender.batch.pk}/items"
        senders.append(sender)
    body = json.dumps({"items": [item(f"e-{number}") for number in range(600)]}).encode()
    answers, refusals = race(lambda index: senders[index].send(body), threads=4)
    assert not refusals
    assert {answer.status_code for answer in answers} == {200}
    outcomes = sorted("+".join(sorted({result["outcome"] for result in answer.json()["results"]})) for answer in answers)
    assert outcomes == ["accepted", "duplicate", "duplicate", "duplicate"]
    assert LearningSample.objects.count() == HitlLabel.objects.count() == 600
