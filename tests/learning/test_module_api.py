"""`learning/modules` over HTTP: made, revised and read; policies changed; nothing but sentences for what makes no sense."""

import io
import json

import pytest
from django.test import Client

from learning.models import AiModule, LabelSchema
from tests import people
from tests.factories.learning import pune, vehicles
from tests.learning.test_batch_api import Caller

pytestmark = pytest.mark.django_db
MODULES = "/api/v1/learning/modules"
HERE = f"{MODULES}/vehicles"


class Admin(Caller):
    def __init__(self, user=None):
        super().__init__(user or people.ada())

    def patch(self, path, body):
        return Client().patch(path, json.dumps(body), content_type="application/json", headers=self.headers)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_module_is_made_read_and_changed(slash):
    admin = Admin()
    body = {
        "slug": "vehicles",
        "name": "Vehicles",
        "task": "classification",
        "labels": ["car", {"name": "bus", "shortcut": "b"}],
    }
    made = admin.post(f"{MODULES}{slash}", {**body, "guide": "Wheels.", "accepts_unlabelled": True})
    assert (made.status_code, made.json()["schema"]["labels"][1]["shortcut"]) == (201, "b")
    assert admin.post(MODULES, body).status_code == 409
    assert Caller(people.ann()).get(f"{HERE}{slash}").json()["schema"]["guide"] == "Wheels."
    changed = admin.patch(f"{HERE}{slash}", {"name": "Cars", "min_quality": 0.5})
    assert (changed.json()["name"], changed.json()["min_quality"], changed.json()["accepts_unlabelled"]) == ("Cars", 0.5, True)


def test_modules_are_listed_page_by_page_with_their_newest_schemas_in_few_questions(django_assert_max_num_queries):
    admin = Admin()
    for slug in ("c", "a", "b"):
        admin.post(MODULES, {"slug": slug, "name": slug, "task": "classification", "labels": ["x"]})
    admin.post(f"{MODULES}/a/schemas", {"based_on": 1, "guide": "Other."})
    with django_assert_max_num_queries(6):
        first = admin.get(f"{MODULES}?page_size=2").json()
    rest = admin.get(f"{MODULES}?page_size=2&cursor={first['next']}").json()
    listed = [(row["slug"], row["schema"]["revision"]) for row in first["results"] + rest["results"]]
    assert listed == [("a", 2), ("b", 1), ("c", 1)]
    assert rest["next"] is None
    assert admin.get(f"{MODULES}?page_size=501").status_code == 400


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_schema_is_revised_over_http(slash):
    vehicles()
    admin, there = Admin(), f"{HERE}/schemas{slash}"
    labels = [
        {**label, **({"name": "auto"} if label["id"] == 1 else {})} for label in admin.get(HERE).json()["schema"]["labels"]
    ]
    body = {"based_on": 1, "note": "Short.", "labels": [*labels, "tram"]}
    seen = admin.post(there, {**body, "dry_run": True}).json()
    assert [(change["kind"], change["name"]) for change in seen["changes"]] == [("renamed", "auto"), ("added", "tram")]
    assert LabelSchema.objects.count() == 1
    made = admin.post(there, body)
    assert (made.status_code, made.json()["revision"], made.json()["note"]) == (201, 2, "Short.")
    assert admin.post(there, body).status_code == 200
    assert admin.post(there, {"based_on": 1, "guide": "Other."}).json()["type"].endswith("schema_revised")
    listed = admin.get(f"{there}?page_size=1").json()
    assert [row["revision"] for row in listed["results"]] == [2]
    assert [row["revision"] for row in admin.get(f"{there}?cursor={listed['next']}").json()["results"]] == [1]


def test_a_policy_is_read_by_reviewers_and_changed_by_admins():
    people.rhea(), people.ann()
    vehicles()
    admin, there = Admin(), f"{HERE}/policy"
    [effect] = admin.patch(there, {"terms": {"overlap": 2}, "dry_run": True}).json()["effects"]
    assert effect["terms"] == ["overlap", "double_share"]
    changed = admin.patch(there, {"terms": {"overlap": 2}, "reason": "Two see more."}).json()
    assert (changed["version"], changed["terms"]["overlap"]) == (2, 2)
    seen = Caller(people.rhea()).get(there).json()
    assert [(row["version"], row["reason"]) for row in seen["versions"]] == [(2, "Two see more."), (1, "")]
    assert Admin(people.rhea()).patch(there, {"terms": {"overlap": 1}}).status_code == 403
    assert Caller(people.ann()).get(there).status_code == 403
    wrong = admin.patch(there, {"terms": {"overlap": 12, "iou": "x"}})
    assert (wrong.status_code, set(wrong.json()["errors"])) == (422, {"overlap", "iou"})


def test_a_file_is_read_and_nothing_kept():
    upload = io.BytesIO(json.dumps({"categories": [{"id": 0, "name": "plate"}]}).encode())
    upload.name = "instances.json"
    answer = Client().post("/api/v1/learning/schema-of-file", {"file": upload}, headers=Admin().headers)
    assert (answer.status_code, answer.json()["origin"], answer.json()["labels"]) == (200, "COCO", [{"name": "plate"}])
    assert Client().post("/api/v1/learning/schema-of-file", {}, headers=Admin().headers).status_code == 400
    assert not AiModule.objects.exists()


@pytest.mark.parametrize("person", [people.rhea, people.ann, people.olga, people.cy, lambda: pune().user])
def test_only_admins_write(person):
    vehicles()
    caller = Admin(person())
    for answer in (
        caller.post(MODULES, {"slug": "x", "task": "text"}),
        caller.patch(HERE, {"name": "x"}),
        caller.post(f"{HERE}/schemas", {"based_on": 1, "guide": "x"}),
        caller.patch(f"{HERE}/policy", {"terms": {}}),
        Client().post("/api/v1/learning/schema-of-file", {}, headers=caller.headers),
    ):
        assert answer.status_code == 403
    assert AiModule.objects.get().name == "Vehicles"


@pytest.mark.parametrize(
    "body", [{}, [], {"slug": 7, "task": "text"}, {"slug": "x"}, {"slug": "x", "task": "text", "colour": 1}]
)
def test_a_body_that_is_no_module_is_malformed(body):
    assert Admin().post(MODULES, body).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": "prophecy"}, {"name": 7}, {"labels": 7}, {"labels": [{}]}, {"labels": ["a\ud800"]}, {"attributes": {}},
        {"attributes": [7]}, {"text": {"pattern": 7}}, {"text": {"pattern": "a\ud800"}}, {"text": {"unreadable": 1}}, {"text": "x"},
        {"reasons": "x"}, {"reject_reasons": [1]}, {"guide": []}, {"guide": "\0"}, {"note": 1}, {"note": "a\ud800"},
        {"review_policy": []}, {"review_policy": {"overlap": None}}, {"accepts_unlabelled": "yes"}, {"min_quality": "x"},
        {"encoding": "x"}, {"dims": 3}, {"slug": "Big"}, {"labels": [{"name": "a", "examples": [1]}]}, {"labels": [{"name": "a", "id": []}]},
        {"labels": [{"name": "a", "color": 7}]}, {"labels": [{"name": "a", "shortcut": 7}]}, {"labels": [{"name": "a", "guide": {}}]},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_a_sentence_and_never_a_crash(wrong):
    answer = Admin().post(MODULES, {"slug": "vehicles", "task": "text", **wrong})
    assert answer.status_code == (400 if "\\ud800" in json.dumps(wrong) else 422)  # half a character is no JSON
    assert answer.json()["detail"].endswith(".")
    assert not AiModule.objects.exists()


@pytest.mark.parametrize("body", [{}, {"based_on": "1"}, {"based_on": True}, {"based_on": 1, "module": "x"}, []])
def test_a_revision_names_what_it_builds_on(body):
    vehicles()
    assert Admin().post(f"{HERE}/schemas", body).status_code == 400
    assert Admin().get(f"{MODULES}/none/schemas").status_code == 404
    assert Admin().patch(f"{HERE}/policy", {"terms": 1}).status_code == 400
