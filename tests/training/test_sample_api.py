"""`/api/v1/training/datasets/:id/samples`, and what an Idempotency-Key makes of a request sent twice."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.actions import access_key
from learning.models import LearningSample
from tests import people
from tests.factories import learning as learning_factory
from tests.factories import training as make
from training.models import DatasetVersion, TrainingDataset, TrainingJob

pytestmark = pytest.mark.django_db
DATASETS = "/api/v1/training/datasets"


def client_of(user):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_key.issue(user, by=None)[1]}")
    return client


@pytest.fixture
def api():
    return client_of(people.ada())


def place_of(dataset):
    return f"{DATASETS}/{dataset.pk}/samples"


def form(content=None, **fields):
    picture = learning_factory.picture(3, (64, 64)) if content is None else content
    return {"file": SimpleUploadedFile("seven.png", picture, "image/png"), **fields}


def test_an_image_is_uploaded_by_a_form_and_seen_again(api):
    dataset = make.dataset_of(people.ada())
    asked = {"metadata": json.dumps({"shelf": 3}), "captured_at": "2026-11-20T08:00:00+05:30"}
    made = api.post(place_of(dataset), form(**asked), format="multipart")
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["metadata"], row["captured_at"], row["is_labeled"]) == ({"shelf": 3}, "2026-11-20T02:30:00Z", False)
    assert row["file_url"] is None or row["file_url"].startswith("http")
    labeled = api.post(place_of(dataset), form(annotations=json.dumps({"label": "7"})), format="multipart").json()
    assert (labeled["id"] == row["id"], labeled["file_type"]) == (False, "image")  # noise: another picture
    assert LearningSample.objects.count() == 2


def test_an_image_that_waits_for_review_is_shown_and_one_not_verified_is_not(api):
    dataset = make.dataset_of(people.ada())
    row = api.post(place_of(dataset), form(), format="multipart").json()
    assert row["file_url"]
    LearningSample.objects.update(state="received")
    assert api.get(f"{place_of(dataset)}/{row['id']}").json()["file_url"] is None


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (lambda: form(b"no picture"), 422),
        (lambda: form(b""), 400),
        (lambda: form(annotations="{"), 400),
        (lambda: form(annotations=json.dumps({"label": "eleven"})), 422),
        (lambda: form(metadata="[1]"), 422),
        (lambda: form(captured_at="yesterday"), 400),
        (lambda: form(city="nowhere"), 404),
        (lambda: form(sample_id="x"), 400),
        (dict, 400),
    ],
)
def test_bad_forms_are_refused_with_problem_json(api, sent, status):
    answer = api.post(place_of(make.dataset_of(people.ada())), sent(), format="multipart")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    assert not LearningSample.objects.exists()


def test_a_form_has_a_bound(api, settings):
    settings.UPLOAD_MAX_BYTES = 1_000
    answer = api.post(place_of(make.dataset_of(people.ada())), form(b"x" * 1_001), format="multipart")
    assert answer.status_code == 413
    answer = api.post(place_of(make.dataset_of(people.ada(), "two")), form(b"x" * 2_000_000), format="multipart")
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"sample_id": "nobody"}, 404),
        ({"sample_id": "a\x00b"}, 400),
        ({"sample_ids": ["x"] * 1_001}, 400),
        ({"sample_ids": []}, 422),
        ({"sample_ids": [1, {}]}, 400),
        ({"file": "x"}, 400),
        ({}, 400),
        ([1], 400),
    ],
)
def test_bad_names_are_refused_with_problem_json(api, body, status):
    answer = api.post(place_of(make.dataset_of(people.ada())), body, format="json")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content


def test_many_are_named_at_once_and_the_list_is_paged_and_filtered(api, django_assert_max_num_queries):
    ada = people.ada()
    samples = make.samples(ada, 5)
    dataset = make.dataset_of(ada, rule={"min_quality": 0.9})
    named = api.post(place_of(dataset), {"sample_ids": [sample.sample_id for sample in samples]}, format="json")
    assert (named.status_code, len(named.json()["results"])) == (201, 5)
    page = api.get(place_of(dataset), {"page_size": 3}).json()
    rest = api.get(place_of(dataset), {"page_size": 3, "cursor": page["next"]}).json()
    assert [row["sample_id"] for row in page["results"] + rest["results"]] == [row.sample_id for row in reversed(samples)]
    assert rest["next"] is None
    here = f"{place_of(dataset)}/{page['results'][0]['id']}"
    assert api.post(f"{here}/verify", {"decision": "approve"}, format="json").status_code == 200
    assert len(api.get(place_of(dataset), {"is_verified": "true"}).json()["results"]) == 1
    assert len(api.get(place_of(dataset), {"is_verified": "false", "is_labeled": "true"}).json()["results"]) == 4
    assert api.get(place_of(dataset), {"is_verified": "yes"}).status_code == 400
    with django_assert_max_num_queries(3):
        api.get(place_of(dataset))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"decision": "maybe"}, 400),
        ({"decision": "reject"}, 422),
        ({"decision": "approve", "quality_score": 1.5}, 400),
        ({"decision": "approve", "quality_score": "NaN"}, 400),
        ({"decision": "approve", "quality_score": 0.12345}, 400),
    ],
)
def test_bad_verdicts_are_refused(api, body, status):
    ada = people.ada()
    make.samples(ada, 1)
    dataset = make.dataset_of(ada)
    here = f"{place_of(dataset)}/{dataset.samples.get().pk}"
    assert api.post(f"{here}/verify", body, format="json").status_code == status
    assert api.put(here, {"annotations": {"label": "eleven"}}, format="json").status_code == 422
    assert api.put(here, {"annotations": 7}, format="json").status_code == 422


def test_a_sample_of_another_dataset_is_not_there(api):
    ada = people.ada()
    make.samples(ada, 1)
    one, other = make.dataset_of(ada), make.dataset_of(ada, "other")
    assert api.get(f"{place_of(one)}/{other.samples.get().pk}").status_code == 404


def test_olga_sees_pictures_only_where_acme_may(api):
    ada, acme = people.ada(), people.acme()
    make.sample(make.module(ada), make.city(ada, "city_own", acme), 1)
    dataset = make.dataset_of(ada, organization=acme)
    [row] = client_of(people.olga()).get(place_of(dataset)).json()["results"]
    assert (row["file_url"], row["labels"], "verified_by" in row) == (None, ["1"], False)
    acme.may_view_images = True
    acme.save()
    [row] = client_of(people.olga()).get(place_of(dataset)).json()["results"]
    assert row["file_url"]


def test_the_same_request_twice_under_one_key_is_one(api):
    ada = people.ada()
    make.samples(ada, 3)
    frozen = make.frozen(ada)
    versions = f"{DATASETS}/{frozen.dataset_id}/versions"
    job = {"name": "j", "ai_module": "meter_digits", "dataset_id": str(frozen.dataset_id), "dataset_version": frozen.version}
    requests = [
        (DATASETS, {"name": "numbers", "ai_module": "meter_digits"}, TrainingDataset),
        (versions, {"version": "v2.0.0"}, DatasetVersion),
        ("/api/v1/training/jobs", {**job, "trainer": "mlp_classifier"}, TrainingJob),
    ]
    for number, (path, body, model) in enumerate(requests):
        before, key = model.objects.count(), f"key-{number}"
        first = api.post(path, body, format="json", headers={"Idempotency-Key": key})
        again = api.post(f"{path}/", body, format="json", headers={"Idempotency-Key": key})
        assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert first.status_code in (201, 202), first.content
        assert model.objects.count() == before + 1
        other = api.post(path, {**body, "seed": 3, "description": "x"}, format="json", headers={"Idempotency-Key": key})
        assert (other.status_code, other.json()["type"]) == (409, "urn:command-centre:idempotency_key_used")
