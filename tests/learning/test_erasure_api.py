"""`learning/erasures`, access exports, holds and lifecycle over HTTP: the whole way, who may not, and what makes no sense."""

import json

import pytest
from django.test import Client

from learning.actions import access_export, erasing, erasure
from learning.models import LearningSample
from tests import people
from tests.factories import training as rooms
from tests.pages import looking

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/learning/"
SOMETHING = "00000000-0000-7000-8000-000000000000"


def sent(client, path, body=None, **headers):
    return client.post(f"{ROOT}{path}", json.dumps(body or {}), content_type="application/json", headers=headers)


def test_an_erasure_from_the_request_to_the_receipt():
    ada = looking(people.ada())
    rows = rooms.samples(people.ada(), 3)
    asked = {"kind": "samples", "subject": {"samples": [row.sample_id for row in rows]}, "reference": "R-1"}
    made = sent(ada, "erasures", asked, **{"Idempotency-Key": "once"})
    again = sent(ada, "erasures", asked, **{"Idempotency-Key": "once"})
    assert (made.status_code, made.json()["id"]) == (201, again.json()["id"])
    pk = made.json()["id"]
    assert sent(ada, f"erasures/{pk}/confirm", {"confirmation": "erase 3"}).status_code == 409
    erasure.gather(pk)
    told = ada.get(f"{ROOT}erasures/{pk}").json()
    assert (told["preview"]["chosen"], told["confirmation"], told["touches"]) == (3, "erase 3", [])
    found = ada.get(f"{ROOT}erasures/{pk}/candidates?page_size=2").json()
    assert (len(found["results"]), bool(found["next"])) == (2, True)
    left = sent(ada, f"erasures/{pk}/candidates", {"samples": {rows[0].sample_id: False}}).json()
    assert left["confirmation"] == "erase 2"
    assert sent(ada, f"erasures/{pk}/receipt").status_code == 405
    assert ada.get(f"{ROOT}erasures/{pk}/receipt").status_code == 409
    assert sent(ada, f"erasures/{pk}/confirm", {"confirmation": "erase 2"}).status_code == 202
    assert ada.delete(f"{ROOT}erasures/{pk}").status_code == 409
    erasing.run(pk)
    receipt = ada.get(f"{ROOT}erasures/{pk}/receipt").json()
    assert (receipt["counts"]["samples"], receipt["reference"], bool(receipt["file"]["url"])) == (2, "R-1", True)
    assert LearningSample.objects.filter(erased_at__isnull=True).count() == 1
    assert [row["state"] for row in ada.get(f"{ROOT}erasures?state=done").json()["results"]] == ["done"]


def test_an_export_a_hold_and_the_rules():
    ada = looking(people.ada())
    [row] = rooms.samples(people.ada(), 1)
    subject = {"kind": "samples", "subject": {"samples": [row.sample_id]}}
    asked = sent(ada, "access-exports", subject)
    assert asked.status_code == 202
    pk = asked.json()["id"]
    assert sent(ada, f"access-exports/{pk}/link").status_code == 409
    access_export.build(pk)
    assert ada.get(f"{ROOT}access-exports/{pk}").json()["is_there"]
    assert sent(ada, f"access-exports/{pk}/link").json()["url"]
    assert len(ada.get(f"{ROOT}access-exports").json()["results"]) == 1

    put = sent(ada, "holds", {"samples": [row.sample_id], "reason": "Case 17"})
    assert (put.status_code, put.json()["results"][0]["sample_id"]) == (201, row.sample_id)
    assert sent(ada, "holds", {"city": row.city.slug, "camera_id": "cam-1", "reason": "Case 18"}).status_code == 201
    assert len(ada.get(f"{ROOT}holds").json()["results"]) == 2
    lifted = sent(ada, f"holds/{put.json()['results'][0]['id']}/lift", {"reason": "Case closed"})
    assert lifted.json()["lift_reason"] == "Case closed"

    rules = f"{ROOT}modules/{row.module.slug}/retention"
    assert ada.get(rules).json() == {"archive_days": 365, "unsure_days": 30, "correct_days": None, "unlabelled_days": None}
    assert ada.put(rules, {"unsure_days": 5}, content_type="application/json").json()["unsure_days"] == 5
    assert ada.put(rules, {"unsure_days": -5}, content_type="application/json").status_code == 422
    assert set(ada.get(f"{ROOT}lifecycle").json()) == {"mark", "delete", "archive", "expire"}


PATHS = [
    "erasures", f"erasures/{SOMETHING}", f"erasures/{SOMETHING}/candidates", f"erasures/{SOMETHING}/decisions",
    f"erasures/{SOMETHING}/confirm", f"erasures/{SOMETHING}/receipt", "access-exports", f"access-exports/{SOMETHING}",
    f"access-exports/{SOMETHING}/link", "holds", f"holds/{SOMETHING}/lift", "lifecycle", "modules/x/retention",
]  # fmt: skip


def test_nobody_else_gets_near_it():
    for who in (people.rhea(), people.ann(), people.olga()):
        client = looking(who)
        for path in PATHS:
            assert client.get(f"{ROOT}{path}").status_code in (403, 405), (who, path)
            assert sent(client, path).status_code in (403, 405), (who, path)
    for path in PATHS:
        assert Client().get(f"{ROOT}{path}").status_code in (401, 403, 405)


BODIES = [{}, [], 7, {"kind": "plate"}, {"kind": "plate", "subject": 7}, {"kind": "ledger", "subject": {}}, {"samples": {}},
          {"samples": {"x": True}}, {"samples": 1}, {"model": "x", "decision": "keep"}, {"confirmation": "\x00"},
          {"reason": "x", "samples": ["\x00"]}, {"reason": "x", "city": "\x00"}, {"erasure": SOMETHING}, {"kind": "x" * 99}]  # fmt: skip


def test_no_body_and_no_cursor_breaks_it():
    ada = looking(people.ada())
    [row] = rooms.samples(people.ada(), 1)
    pk = sent(ada, "erasures", {"kind": "samples", "subject": {"samples": [row.sample_id]}}).json()["id"]
    erasure.gather(pk)
    for path in [*PATHS, *(path.replace(SOMETHING, pk) for path in PATHS)]:
        for body in BODIES:
            assert sent(ada, path, body).status_code in (400, 404, 405, 409, 422), (path, body)
        assert ada.get(f"{ROOT}{path}?cursor=x&page_size=0&state=x").status_code < 500
    assert LearningSample.objects.filter(erased_at__isnull=True).count() == 1
