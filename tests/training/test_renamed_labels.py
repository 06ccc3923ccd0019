"""What a program is given after a label was renamed: one class under its new name, and older models known by its id."""

import json

import pytest

from core.canonical import canonical_sha256
from learning.actions import label_schema
from tests import people
from tests.factories import training as make
from training import folder, supervisor
from training.actions import job, run
from training.models import JobStatus

pytestmark = pytest.mark.django_db(transaction=True)


def rename(module, by) -> list[str]:
    """Give the first three digits other names and answer these."""
    labels = [dict(label) for label in module.schema.labels]
    for label in labels[:3]:
        label["name"] = f"digit {label['name']}"
    label_schema.revise(module, by=by, based_on=module.schema.revision, labels=labels)
    return [label["name"] for label in labels[:3]]


def test_members_come_under_the_name_their_label_has_now(tmp_path):
    ada = people.ada()
    names = rename(make.module(ada), ada)
    make.training_job(ada)
    held = run.claim("training.cpu", "w1")
    folder.prepare(held, tmp_path / "run", tick=lambda: None)
    wanted = json.loads((tmp_path / "run" / "job.json").read_text())
    truths = [json.loads(line)["truth"]["label"] for line in (tmp_path / "run" / "manifest.jsonl").read_text().splitlines()]
    assert [label["name"] for label in wanted["labels"]][:3] == names
    assert set(names) <= set(truths) <= {label["name"] for label in wanted["labels"]}


def test_attributes_come_under_the_names_and_values_they_have_now(tmp_path):
    ada = people.ada()
    module = make.module(ada)
    lit = {"name": "lit", "type": "select", "values": ["hell", "dunkel"]}
    label_schema.revise(module, by=ada, based_on=1, attributes=[lit])
    truth = {"label": "1", "attributes": {"lit": "hell"}}
    make.sample(module, make.city(ada), 99, truth=truth, truth_sha256=canonical_sha256(truth))
    new = {"id": 1, "name": "light", "type": "select", "values": ["bright", "dunkel"], "values_formerly": {"hell": "bright"}}
    label_schema.revise(module, by=ada, based_on=2, attributes=[new])
    make.training_job(ada)
    held = run.claim("training.cpu", "w1")
    folder.prepare(held, tmp_path / "run", tick=lambda: None)
    truths = [json.loads(line)["truth"] for line in (tmp_path / "run" / "manifest.jsonl").read_text().splitlines()]
    assert [truth["attributes"] for truth in truths if "attributes" in truth] == [{"light": "bright"}]


def test_a_model_of_before_is_evaluated_by_what_its_classes_mean(tmp_path):
    ada = people.ada()
    made = make.training_job(ada)
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    module = made.module
    on_old = job.create_evaluation(made.output_model_version, by=ada, dataset_version=made.dataset_version, split="train")
    rename(module, ada)
    later = make.frozen(ada, made.dataset_version.dataset, "v1.1.0", seed=7)
    on_new = job.create_evaluation(made.output_model_version, by=ada, dataset_version=later, split="train")
    for _ in range(2):
        supervisor.run_next("training.cpu")
    on_old.refresh_from_db()
    on_new.refresh_from_db()
    assert (on_old.status, on_new.status) == (JobStatus.COMPLETED, JobStatus.COMPLETED)
    assert on_new.metrics["accuracy"] == on_old.metrics["accuracy"]
    assert on_new.metrics.get("unknown_labels", 0) == 0
