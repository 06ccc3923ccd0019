"""The 25 operations of the training interface: each as a super admin does it, and what each other role gets, written out."""

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from accounts.actions import access_key
from accounts.models import Plan, Role
from deployments.actions import deployment as deployment_verbs
from tests import people
from tests.deployments.conftest import tell
from tests.factories import training as make
from tests.factories.accounts import MachineFactory, OrganizationFactory
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.training_models import ModelVersionFactory
from training import trust
from training.actions import dataset as dataset_verbs
from training.actions import sample as sample_verbs
from training.models import ModelStatus, TrainingDataset

pytestmark = pytest.mark.django_db
API = "/api/v1/training"

# what an organization admin (Enterprise) gets on: the own organization's, a global, another organization's
TABLE = """
GET     datasets                                200  200  200
POST    datasets                                403  403  404
GET     datasets/:dataset                       200  200  404
PUT     datasets/:dataset                       403  403  404
DELETE  datasets/:dataset                       403  403  404
GET     datasets/:dataset/samples               200  404  404
POST    datasets/:dataset/samples               403  404  404
PUT     datasets/:dataset/samples/:sample       403  404  404
DELETE  datasets/:dataset/samples/:sample       403  404  404
POST    datasets/:dataset/samples/:sample/verify 403 403  403
GET     jobs                                    200  200  200
GET     jobs/:job                               200  200  404
POST    jobs                                    403  403  404
POST    jobs/:job/cancel                        403  403  403
GET     jobs/:job/logs                          200  404  404
GET     models                                  200  200  200
GET     models/:model                           200  200  404
PUT     models/:model                           403  403  404
POST    models/:model/approve                   403  403  403
POST    models/:model/release                   403  403  403
POST    models/:model/deprecate                 403  403  403
GET     models/:model/deployments               200  200  404
POST    models/:model/deploy                    403  403  403
POST    models/:model/deploy-all                403  403  403
POST    deployments/:deployment/retry           403  403  403
"""
OPERATIONS = [
    (row.split()[0], row.split()[1], [int(status) for status in row.split()[2:]]) for row in TABLE.strip().splitlines()
]
COLUMNS = {
    "datasets/:dataset": (
        "id organization_id name description ai_module sample_count labeled_count verified_count label_schema environment "
        "version status created_by"
    ),
    "datasets/:dataset/samples": (
        "id dataset_id file_url file_type file_size labels annotations source_camera_id captured_at metadata is_labeled "
        "is_verified labeled_by verified_by quality_score rejection_reason"
    ),
    "jobs/:job": (
        "id organization_id name description ai_module dataset_id base_model_version training_config hyperparameters status "
        "progress_percent current_epoch total_epochs metrics training_logs output_model_version started_at completed_at "
        "estimated_completion error_message created_by"
    ),
    "models/:model": (
        "id ai_module version name description training_job_id base_version_id model_file_url model_file_size config_file_url "
        "accuracy precision_score recall_score f1_score inference_time_ms min_edge_version supported_platforms status "
        "is_approved approved_by approved_at is_released released_at release_notes"
    ),
    "models/:model/deployments": (
        "id model_version_id edge_server_id status progress_percent scheduled_at started_at completed_at error_message "
        "retry_count"
    ),
}


def client_of(user):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_key.issue(user, by=None)[1]}")
    return client


def spelled(at):
    return at.isoformat().replace("+00:00", "Z")


def call(client, method, path, keys, body=None, *, slash=""):
    for name, key in keys.items():
        path = path.replace(f":{name}", str(key))
    assert ":" not in path
    return getattr(client, method.lower())(f"{API}/{path}{slash}", body, format=None if method == "GET" else "json")


def world(owner):
    """A dataset with one sample, a job on its frozen version, and a model version in testing, all of one owner (or global)."""
    ada = people.ada()
    module = make.module(ada)
    slug = f"city_{owner.slug}" if owner else "city_pune"
    number = owner.pk if owner else 0
    sample = make.sample(module, make.city(ada, slug, owner), number)
    dataset = make.dataset_of(ada, f"of-{slug}", organization=owner, rule={"cities": [slug]})
    frozen = make.frozen(ada, dataset, split={"train": 1})
    job = make.training_job(ada, frozen, organization=owner)
    model = ModelVersionFactory(module=module, organization=owner, status=ModelStatus.TESTING)
    keys = {"dataset": dataset.pk, "sample": dataset.samples.get().pk, "job": job.pk, "model": model.pk}
    bodies = {
        "POST datasets": {"name": f"new-{slug}", "ai_module": module.slug, "organization_id": owner.pk if owner else None},
        "POST datasets/:dataset/samples": {"sample_id": sample.sample_id},
        "POST jobs": {
            "name": "again",
            "ai_module": module.slug,
            "dataset_id": str(dataset.pk),
            "dataset_version": frozen.version,
            "trainer": "mlp_classifier",
            "organization_id": owner.pk if owner else None,
        },
    }
    return {**keys, "deployment": "00000000-0000-0000-0000-000000000000"}, bodies


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_super_admin_does_all_25(slash):
    trust.init()
    bo, acme = people.bo(), people.acme()
    make.module(people.ada())
    edge = EdgeServerFactory(organization=acme)
    failed = deployment_verbs.deploy(released_version(organization=acme), edge, by=bo)[1]
    tell(edge, "failed")
    keys, bodies = world(acme)
    done = set()

    def does(method, path, body=None, *, status, on=keys):
        done.add((method, path))
        asked = bodies.get(f"{method} {path}") if body is None else body
        answer = call(client_of(bo), method, path, on, asked, slash=slash)
        assert answer.status_code == status, (method, path, answer.content)
        return answer.json() if answer.content else None

    made = does("POST", "datasets", status=201)
    mine = {**keys, "dataset": made["id"]}
    assert made["id"] in [row["id"] for row in does("GET", "datasets", status=200)["results"]]
    assert does("PUT", "datasets/:dataset", {"description": "by hand"}, status=200, on=mine)["description"] == "by hand"
    mine["sample"] = does("POST", "datasets/:dataset/samples", status=201, on=mine)["id"]
    samples = does("GET", "datasets/:dataset/samples", status=200, on=mine)["results"]
    assert [row["id"] for row in samples] == [mine["sample"]]
    corrected = does("PUT", "datasets/:dataset/samples/:sample", {"annotations": {"label": "2"}}, status=200, on=mine)
    assert corrected["labels"] == ["2"]
    verdict = {"decision": "approve", "quality_score": 0.5}
    assert does("POST", "datasets/:dataset/samples/:sample/verify", verdict, status=200, on=mine)["is_verified"]
    held = does("GET", "datasets/:dataset", status=200, on=mine)
    assert [held[name] for name in ("sample_count", "labeled_count", "verified_count")] == [1, 1, 1]
    does("DELETE", "datasets/:dataset/samples/:sample", status=204, on=mine)
    does("DELETE", "datasets/:dataset", status=204, on=mine)

    mine["job"] = does("POST", "jobs", status=201)["id"]
    assert mine["job"] in [row["id"] for row in does("GET", "jobs", status=200)["results"]]
    job = does("GET", "jobs/:job", status=200, on=mine)
    assert does("GET", "jobs/:job/logs", status=200, on=mine)["results"] == []
    assert does("POST", "jobs/:job/cancel", {}, status=200, on=mine)["status"] == "cancelled"

    assert len(does("GET", "models", status=200)["results"]) == 2
    assert does("PUT", "models/:model", {"name": "the second"}, status=200)["name"] == "the second"
    assert does("POST", "models/:model/approve", {"notes": "fine"}, status=200)["approved_by"] == bo.pk
    assert does("POST", "models/:model/release", {"release_notes": "go"}, status=200)["is_released"]
    model = does("GET", "models/:model", status=200)
    failed.refresh_from_db()
    assert does("POST", "deployments/:deployment/retry", {}, status=200, on={"deployment": failed.pk})["status"] == "pending"
    tell(edge, "completed", attempt=2)
    does("POST", "models/:model/deploy", {"edge_server_id": edge.pk}, status=201)
    deployments = does("GET", "models/:model/deployments", status=200)["results"]
    tell(edge, "completed", attempt=deployments[0]["attempt"])
    does("POST", "models/:model/deploy-all", {"confirm_edges": 1}, status=202)
    assert does("POST", "models/:model/deprecate", {"reason": "old"}, status=200)["status"] == "deprecated"

    assert done == {(method, path) for method, path, _ in OPERATIONS}
    answers = (held, samples[0], job, model, deployments[0])
    for columns, answer in zip(COLUMNS.values(), answers, strict=True):
        assert set(columns.split()) <= set(answer)


def test_each_column_of_datasets_samples_and_versions_says_what_is_so():
    """The seeds' training_datasets and training_samples, column by column; of dataset_versions what DESIGN section 6 names."""
    ada, bo = people.ada(), people.bo()
    keys, _ = world(people.acme())
    ours = TrainingDataset.objects.get(pk=keys["dataset"])
    place = ours.samples.select_related("sample__object", "sample__camera").get()
    dataset_verbs.revise(ours, by=ada, description="by hand", environment="staging")
    sample_verbs.revise(place, by=ada, annotations={"label": "2"}, metadata={"note": "blurred"})
    sample_verbs.verify(place, by=bo, decision="reject", reason="wrong", quality_score=Decimal("0.25"))
    frozen = ours.versions.get()

    def told(path: str):
        return call(client_of(bo), "GET", path, keys).json()

    schema, module = ours.module.schema, ours.module
    assert {name: told("datasets/:dataset")[name] for name in COLUMNS["datasets/:dataset"].split()} == {
        "id": str(ours.pk), "organization_id": people.acme().pk, "name": ours.name, "description": "by hand",
        "ai_module": module.slug, "sample_count": 1, "labeled_count": 1, "verified_count": 0,
        "label_schema": schema.as_document(),
        "environment": "staging", "version": "v0.1.0", "status": "active", "created_by": ada.pk,
    }  # fmt: skip
    [row] = told("datasets/:dataset/samples")["results"]
    sample = place.sample
    address = row.pop("file_url")
    assert sample.object.name in address
    assert {name: row[name] for name in COLUMNS["datasets/:dataset/samples"].split() if name != "file_url"} == {
        "id": str(place.pk), "dataset_id": str(ours.pk), "file_type": "image", "file_size": sample.object.size,
        "labels": ["2"], "annotations": {"label": "2"}, "source_camera_id": str(sample.camera.pk),
        "captured_at": sample.captured_at.isoformat(), "metadata": {"note": "blurred"}, "is_labeled": True,
        "is_verified": False, "labeled_by": ada.pk, "verified_by": bo.pk, "quality_score": "0.250",
        "rejection_reason": "wrong",
    }  # fmt: skip
    [version] = told("datasets/:dataset/versions")["results"]
    statistics = version.pop("statistics")
    assert statistics["by_split"] == {"train": 1}
    of_version = {
        "id": str(frozen.pk), "dataset_id": str(ours.pk), "version": frozen.version, "state": "frozen",
        "fingerprint": frozen.fingerprint, "seed": frozen.seed, "split": frozen.split, "dataset_query": frozen.dataset_query,
        "label_schema": frozen.label_schema, "release_notes": "", "sample_count": 1, "is_production": False,
        "created_by": frozen.created_by_id, "created_at": spelled(frozen.created_at), "frozen_at": spelled(frozen.frozen_at),
    }  # fmt: skip
    assert {name: version[name] for name in of_version} == of_version


def test_an_organization_admin_gets_what_the_table_says():
    olga, rival = people.olga(), OrganizationFactory(slug="rival", plan=Plan.ENTERPRISE)
    client = client_of(olga)
    for column, owner in enumerate((people.acme(), None, rival)):
        keys, bodies = world(owner)
        for method, path, statuses in OPERATIONS:
            answer = call(client, method, path, keys, bodies.get(f"{method} {path}"))
            assert answer.status_code == statuses[column], (owner, method, path, answer.content)


@pytest.mark.parametrize("role", ["reviewer", "annotator", "member", "city", "edge", "pipeline", "professional"])
def test_every_other_role_is_refused(role):
    machine = role in ("city", "edge", "pipeline")
    who = {"reviewer": people.rhea, "annotator": people.ann, "member": people.cy, "professional": people.pia}
    user = MachineFactory(name="machine-1", role=Role(role)) if machine else who[role]()
    keys, bodies = world(None)
    client = client_of(user)
    for method, path, _ in OPERATIONS:
        answer = call(client, method, path, keys, bodies.get(f"{method} {path}"))
        assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json"), (method, path)


def test_nobody_is_asked_who_they_are():
    keys, bodies = world(None)
    for method, path, _ in OPERATIONS:
        assert call(APIClient(), method, path, keys, bodies.get(f"{method} {path}")).status_code == 401
