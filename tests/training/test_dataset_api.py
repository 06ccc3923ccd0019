"""`/api/v1/training/datasets`: as each user meets it."""

import hashlib

import orjson
import pytest
from rest_framework.test import APIClient

from accounts.actions import access_key
from accounts.models import Role
from tests import people
from tests.factories import training as make
from tests.factories.accounts import MachineFactory
from training import files
from training.actions import version
from training.models import DatasetStatus, TrainingDataset

pytestmark = pytest.mark.django_db
DATASETS = "/api/v1/training/datasets"


def client_of(user):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_key.issue(user, by=None)[1]}")
    return client


def pipeline():
    return MachineFactory(name="trainer-1", role=Role.PIPELINE)


def body(**fields):
    return {"name": "digits", "ai_module": "meter_digits", "rule": {"label_status": ["correct"]}, **fields}


def test_the_way_from_a_dataset_to_its_files(client):
    ada = people.ada()
    make.samples(ada, 5)
    api = client_of(ada)
    made = api.post(DATASETS, body(), format="json")
    assert (made.status_code, made.json()["status"], made.json()["sample_count"]) == (201, "draft", 0)
    here = f"{DATASETS}/{made.json()['id']}"
    assert api.post(f"{here}/refresh/", format="json").json()["added"] == 5
    assert api.get(here).json()["sample_count"] == api.get(f"{here}/").json()["labeled_count"] == 5
    asked = api.post(f"{here}/versions", {"version": "v1.0.0", "seed": 7, "release_notes": "first"}, format="json")
    assert (asked.status_code, asked.json()["state"]) == (202, "freezing")
    assert api.get(f"{here}/versions/v1.0.0/files").status_code == 409
    version.freeze(asked.json()["id"])
    frozen = api.get(f"{here}/versions/v1.0.0").json()
    assert frozen == api.get(f"{here}/versions/{frozen['id']}").json()
    [listed] = api.get(f"{here}/versions").json()["results"]
    since = {"reopened_since": "0", "changed_since": "0", "models": []}
    assert frozen == {**listed, **since, "verifying": False, "verified_members": None, "last_verify": None}
    assert (frozen["state"], frozen["sample_count"], frozen["fingerprint"][:7]) == ("frozen", 5, "sha256:")
    lines = [orjson.loads(line) for line in client_of(pipeline()).get(f"{here}/versions/v1.0.0/files").content.splitlines()]
    assert len(lines) == 5
    line = lines[0]
    assert line.keys() >= {"sample_id", "event_id", "split", "group", "truth", "weight", "city", "camera_id", "captured_at"}
    assert line["object"].keys() == {"sha256", "reference", "media_type", "width", "height", "url"}
    if line["object"]["url"].startswith("http://testserver"):
        content = b"".join(client.get(line["object"]["url"]).streaming_content)
        assert hashlib.sha256(content).hexdigest() == line["object"]["sha256"]


def test_a_customers_pipeline_reads_nothing_of_a_shared_version():
    ada = people.ada()
    job = make.training_job(ada)
    version = job.dataset_version
    paths = f"{DATASETS}/{version.dataset_id}/versions/{version.version}/files", f"/api/v1/training/jobs/{job.pk}/folder"
    theirs = client_of(MachineFactory(name="trainer-2", role=Role.PIPELINE, organization=people.acme()))
    assert [theirs.get(path).status_code for path in paths] == [404, 403]
    ours = client_of(pipeline())
    assert [ours.get(path).status_code for path in paths] == [200, 200]


def test_files_come_in_pages(monkeypatch):
    ada = people.ada()
    make.samples(ada, 7)
    frozen = make.frozen(ada)
    monkeypatch.setattr(files, "PAGE", 3)
    api, here = client_of(ada), f"{DATASETS}/{frozen.dataset_id}/versions/{frozen.version}/files"
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        answer = api.get(here, {"cursor": cursor})
        assert answer["Content-Type"] == "application/jsonl"
        seen += [orjson.loads(line)["sample_id"] for line in answer.content.splitlines()]
        cursor, pages = answer.headers.get("X-Next-Cursor"), pages + 1
    assert (pages, len(set(seen)), len(seen)) == (3, 7, 7)
    for bad in ("x", "1-1", "5-0", "99999999-99999999", "-1-2", "0-400"):
        assert api.get(here, {"cursor": bad}).status_code == 400


def test_a_dataset_is_changed_and_put_away():
    ada = people.ada()
    make.module(ada)
    api = client_of(ada)
    here = f"{DATASETS}/{api.post(DATASETS, body(), format='json').json()['id']}"
    changed = api.put(here, {"name": "numbers", "rule": {"min_quality": 0.5}}, format="json").json()
    assert (changed["name"], changed["rule"]) == ("numbers", {"min_quality": 0.5})
    assert api.delete(here).status_code == api.delete(here).status_code == 204
    assert TrainingDataset.objects.get().status == DatasetStatus.ARCHIVED
    assert api.put(here, {"name": "again"}, format="json").status_code == 409
    assert api.post(f"{here}/versions", {"version": "v1.0.0"}, format="json").status_code == 409


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": ""}, 400),
        ({"name": "x\x00"}, 400),
        ({"ai_module": "nothing"}, 404),
        ({"ai_module": None}, 400),
        ({"organization_id": 999}, 404),
        ({"organization_id": 2**70}, 400),
        ({"rule": [1]}, 422),
        ({"rule": {"cities": ["nowhere"]}}, 422),
        ({"rule": {"since": {"a": 1}}}, 422),
        ({"environment": "moon"}, 400),
        ({"version": "1"}, 422),
        ({"description": "x" * 10_001}, 400),
    ],
)
def test_bad_datasets_are_refused_with_problem_json(changes, status):
    ada = people.ada()
    make.module(ada)
    answer = client_of(ada).post(DATASETS, body(**changes), format="json")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]


def test_bad_addresses_and_versions_are_refused():
    ada = people.ada()
    make.module(ada)
    api = client_of(ada)
    here = f"{DATASETS}/{api.post(DATASETS, body(), format='json').json()['id']}"
    assert api.post(DATASETS, body(), format="json").status_code == 409
    for path in ("/versions/v9.9.9", "/versions/a-b-c-d-e", "/versions/none/files"):
        assert api.get(f"{here}{path}").status_code == 404
    assert api.get(f"{DATASETS}/00000000-0000-0000-0000-000000000000").status_code == 404
    for fields in ({"version": "v1.0.0", "split": {"train": 2}}, {"version": "one"}):
        assert api.post(f"{here}/versions", fields, format="json").status_code == 422
    assert api.post(f"{here}/versions", {"version": "v1.0.0", "seed": 2**64}, format="json").status_code == 400
    assert api.get(DATASETS, {"cursor": "nonsense"}).status_code == 400
    assert api.get(DATASETS, {"status": "a\x00b"}).status_code == 400
    assert api.get(DATASETS, {"page_size": "0"}).status_code == 400


def test_who_sees_what():
    ada, olga, acme = people.ada(), people.olga(), people.acme()
    make.sample(make.module(ada), make.city(ada, "city_own", acme), 1)
    make.samples(ada, 2)
    own, ours = make.frozen(ada, make.dataset_of(ada, "own", organization=acme)), make.frozen(ada)
    seen = {row["name"]: row for row in client_of(olga).get(DATASETS).json()["results"]}
    assert (seen["own"]["sample_count"], "sample_count" in seen["meter-digits"]) == (1, False)
    versions = f"{DATASETS}/{ours.dataset_id}/versions/{ours.version}"
    assert "statistics" not in client_of(olga).get(versions).json()
    assert client_of(olga).get(f"{DATASETS}/{own.dataset_id}/versions/{own.version}").json()["sample_count"] == 1
    assert client_of(olga).get(f"{versions}/files").status_code == 403
    assert client_of(olga).post(DATASETS, body(), format="json").status_code == 403
    for other in (people.pia(), people.rhea(), people.ann(), people.cy(), pipeline()):
        assert client_of(other).get(DATASETS).status_code == 403
    assert APIClient().get(DATASETS).status_code == APIClient().get(f"{versions}/files").status_code == 401
    assert client_of(ada).post(f"{versions}/files").status_code == 405


def test_another_customers_dataset_does_not_exist():
    ada = people.ada()
    made = make.dataset_of(ada, organization=people.acme())
    rival = people.olga()
    rival.organization = people.petty()
    rival.organization.plan = "enterprise"
    rival.organization.save()
    rival.save()
    assert client_of(rival).get(f"{DATASETS}/{made.pk}").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_list(django_assert_max_num_queries):
    ada = people.ada()
    make.module(ada)
    for number in range(5):
        make.dataset_of(ada, f"digits-{number}")
    api = client_of(ada)
    api.get(DATASETS)
    with django_assert_max_num_queries(3):
        assert len(api.get(DATASETS).json()["results"]) == 5
