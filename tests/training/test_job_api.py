"""`/api/v1/training/jobs` and `/training/trainers`."""

import csv
import io
from datetime import UTC, datetime

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.actions import access_key
from tests import people
from tests.factories import training as make
from tests.pages import looking, text_of
from training.actions import run
from training.hearing import Line, Point, Progress
from training.models import TrainingJob, TrainingRun

pytestmark = pytest.mark.django_db
JOBS = "/api/v1/training/jobs"


def client_of(user):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_key.issue(user, by=None)[1]}")
    return client


def frozen(by):
    make.samples(by, 4)
    return make.frozen(by)


def body(of, **fields):
    facts = {"name": "digits", "ai_module": "meter_digits", "dataset_id": str(of.dataset_id), "dataset_version": of.version}
    return {**facts, "trainer": "mlp_classifier", "hyperparameters": {"max_epochs": 3}, "base_model_version": None, **fields}


def test_a_job_is_queued_watched_and_cancelled():
    ada = people.ada()
    api, of = client_of(ada), frozen(ada)
    made = api.post(JOBS, body(of), format="json")
    assert (made.status_code, made.json()["status"], made.json()["hyperparameters"]["max_epochs"]) == (201, "queued", 3)
    here = f"{JOBS}/{made.json()['id']}"
    assert api.get(f"{here}/logs").json() == {"attempt": None, "results": [], "next": 0}
    held = run.claim("training.cpu", "w1")
    run.begin(held)
    lines = [Line(seq, datetime.now(UTC), "info", f"line {seq}") for seq in range(1, 6)]
    run.report(held, progress=Progress(40, 2, 3), points=[Point("loss", 1, 0.5), Point("loss", 2, 0.25)], lines=lines)
    shown = api.get(f"{here}/").json()
    assert (shown["status"], shown["progress_percent"], shown["current_epoch"], shown["total_epochs"]) == ("running", 40, 2, 3)
    first = api.get(f"{here}/logs", {"page_size": 3}).json()
    assert ([line["seq"] for line in first["results"]], first["next"], first["attempt"]) == ([1, 2, 3], 3, 1)
    rest = api.get(f"{here}/logs", {"after": first["next"]}).json()
    assert [line["text"] for line in rest["results"]] == ["line 4", "line 5"]
    assert api.get(f"{here}/metrics").json()["curves"] == {"loss": [[1, 0.5], [2, 0.25]]}
    points = b"".join(api.get(f"{here}/metrics?format=csv").streaming_content).decode().splitlines()
    assert points == ["attempt,name,step,value", "1,loss,1,0.5", "1,loss,2,0.25"]
    TrainingRun.objects.update(metrics={"accuracy": 0.9, "by_class": {}})
    [row] = csv.DictReader(io.StringIO(b"".join(api.get(f"{here}/runs?format=csv").streaming_content).decode()))
    assert (row["attempt"], row["state"], row["accuracy"], row["examples_hash"]) == ("1", "running", "0.9", of.fingerprint)
    assert "by_class" not in row
    assert api.get(f"{here}/metrics?format=xml").status_code == 404
    page = looking(ada).get(f"/jobs/{held.job_id}/")
    assert f"{here}/metrics?format=csv" in text_of(page)
    assert looking(ada).get(f"{here}/runs?format=csv")["Content-Type"].startswith("text/csv")
    runs = api.get(f"{here}/runs").json()["results"]
    assert (runs[0]["state"], runs[0]["examples_hash"], "token" in runs[0]) == ("running", of.fingerprint, False)
    assert api.post(f"{here}/cancel", format="json").json()["cancel_requested_at"]
    run.cancelled(held)
    assert api.post(f"{here}/cancel/", format="json").json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"trainer": "magic"}, 422),
        ({"hyperparameters": {"hidden_units": 0}}, 422),
        ({"hyperparameters": "many"}, 422),
        ({"ai_module": "nothing"}, 404),
        ({"dataset_id": "x"}, 400),
        ({"dataset_id": "00000000-0000-0000-0000-000000000000"}, 404),
        ({"dataset_version": "v9.0.0"}, 404),
        ({"dataset_version": "v\x00"}, 400),
        ({"base_model_version": "00000000-0000-0000-0000-000000000000"}, 404),
        ({"seed": "x"}, 400),
        ({"seed": 2**64}, 400),
        ({"name": None}, 400),
        ({"organization_id": 999}, 404),
    ],
)
def test_bad_jobs_are_refused_with_problem_json(changes, status):
    ada = people.ada()
    answer = client_of(ada).post(JOBS, body(frozen(ada), **changes), format="json")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


def test_a_grid_is_asked_for_once_and_looked_at_together():
    ada = people.ada()
    api, of = client_of(ada), frozen(ada)
    asked = body(of, grid={"hidden_units": [4, 8], "image_size": [6, 8]})
    first, again = (api.post(JOBS, asked, format="json", headers={"Idempotency-Key": "grid-1"}).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert len(api.get(JOBS, {"grid": first["grid"]}).json()["results"]) == 4
    assert api.get(JOBS, {"grid": "every"}).status_code == 400
    refused = api.post(JOBS, body(of, grid={"hidden_units": [4]}), format="json")
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["grid"])
    page = text_of(looking(ada).get(reverse("training:job", args=[first["id"]])))
    assert "Asked for together" in page
    assert page.count("this one") == 1
    there = reverse("training:version-train", args=[of.pk])
    fields = {"name": "typed", "trainer": "mlp_classifier", "grid": "hidden_units = 4, 8, 16"}
    looking(ada).post(there, fields)
    assert TrainingJob.objects.filter(name__startswith="typed: hidden").count() == 3
    looking(ada).post(there, {**fields, "grid": "hidden_units = many"})
    assert TrainingJob.objects.count() == 7


def test_bad_addresses_are_refused():
    ada = people.ada()
    api = client_of(ada)
    here = f"{JOBS}/{api.post(JOBS, body(frozen(ada)), format='json').json()['id']}"
    assert api.get(f"{here}/logs", {"after": "x"}).status_code == 400
    assert api.get(f"{here}/logs", {"attempt": "7"}).status_code == 404
    assert api.get(f"{JOBS}/00000000-0000-0000-0000-000000000000/logs").status_code == 404
    assert api.get(JOBS, {"status": "no such"}).json()["results"] == []


def test_organizations_see_that_a_global_job_is_there_and_not_what_is_in_it():
    ada, olga = people.ada(), people.olga()
    made = make.training_job(ada, frozen(ada))
    api = client_of(olga)
    shown = api.get(f"{JOBS}/{made.pk}").json()
    assert (shown["name"], "hyperparameters" in shown) == ("digits", False)
    for inside in ("logs", "metrics", "runs", "metrics?format=csv", "runs?format=csv"):
        assert api.get(f"{JOBS}/{made.pk}/{inside}").status_code == 404
    assert api.post(f"{JOBS}/{made.pk}/cancel", format="json").status_code == 403
    assert api.post(JOBS, body(made.dataset_version), format="json").status_code == 403
    for other in (people.rhea(), people.ann(), people.cy(), people.pia()):
        assert client_of(other).get(JOBS).status_code == 403
    assert APIClient().get(JOBS).status_code == 401


def test_trainers_say_what_may_be_chosen():
    described = client_of(people.ada()).get("/api/v1/training/trainers/").json()["results"]
    mlp = next(one for one in described if one["name"] == "mlp_classifier")
    chosen = {one["name"]: one for one in mlp["hyperparameters"]}
    assert chosen["hidden_units"] == {
        "name": "hidden_units",
        "title": "Units in each hidden layer",
        "type": "integer",
        "default": 64,
        "minimum": 1,
        "maximum": 4096,
    }
    assert chosen["color"]["choices"] == ["L", "RGB"]
