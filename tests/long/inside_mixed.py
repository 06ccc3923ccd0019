"""What the long test of mixed traffic does inside its own hub: the ground it begins on, and what became of all that was acknowledged."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from django.test import Client

from accounts.actions import access_key
from accounts.models import Role, User
from deployments.models import EdgeServer, EdgeSlot, ModelDeployment, Rollout
from learning.actions import city as city_verbs
from learning.models import HitlLabel, LearningSample, SampleState, UploadBatch, UploadRejection
from tests import people
from tests.factories import training as rooms
from tests.factories.deployments import released_version
from training.models import ModelVersion, TrainingJob


def mixed_ground(edges: str, people_count: str) -> dict[str, Any]:
    """Make a fleet, cities, people, a frozen version to train on and a released model; answers each traffic's facts."""
    ada = people.ada()
    rooms.digits(ada, 400)
    frozen = rooms.frozen(ada, seed=7)
    version = released_version(organization=None, module=frozen.dataset.module, version="9.0.0")
    machines = User.objects.bulk_create(User(name=f"mixed-{n}", role=Role.EDGE) for n in range(int(edges)))
    fleet = EdgeServer.objects.bulk_create(EdgeServer(name=machine.name, user=machine) for machine in machines)
    EdgeSlot.objects.bulk_create(EdgeSlot(edge_server=edge, module=version.module) for edge in fleet)
    cities = [city_verbs.add(f"city_{name}", by=None) for name in ("nashik", "surat")]
    job = {
        "ai_module": frozen.dataset.module.slug,
        "dataset_id": str(frozen.dataset_id),
        "dataset_version": frozen.version,
        "trainer": "mlp_classifier",
        "hyperparameters": {"max_epochs": 60},
    }
    return {
        "upload": [{"city": one.slug, "key": access_key.issue(one.user, by=None)[1], "module": "vehicles"} for one in cities],
        "annotate": [{"session": _session(_annotator(n)), "module": "vehicles"} for n in range(int(people_count))],
        "poll": [{"keys": [access_key.issue(machine, by=None)[1] for machine in machines], "every": 10}],
        "click": [{"session": _session(ada), "job": job, "version": str(version.pk)}],
    }


def mixed_waiting() -> dict[str, int]:
    """Count what workers still have to do."""
    return {
        "batches": UploadBatch.objects.filter(state="sealed").count(),
        "jobs": TrainingJob.objects.exclude(status__in=["completed", "failed", "cancelled"]).count(),
    }


def mixed_lost(folder: str) -> dict[str, Any]:
    """Compare the ledgers with the database: of each kind what was acknowledged and is not there, and how many there were."""
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in Path(folder).glob("*.jsonl"):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            told[entry["what"]].append(entry)
    sealed = {entry["id"] for entry in told["batch"]}
    told["file"] = [entry for entry in told["file"] if entry["batch"] in sealed]  # the last ones wait for their seal
    said = {what: {entry[name] for entry in told[what]} for what, name in KEPT.items()}
    there = {
        "item": {
            *LearningSample.objects.values_list("event_id", flat=True),
            *UploadRejection.objects.values_list("event_id", flat=True),
        },
        "file": set(LearningSample.objects.exclude(state=SampleState.RECEIVED).values_list("event_id", flat=True)),
        "batch": set(UploadBatch.objects.filter(state="registered").values_list("pk", flat=True)),
        "decision": {str(each) for each in HitlLabel.objects.exclude(client_uuid=None).values_list("client_uuid", flat=True)},
        "deployment": {str(each) for each in ModelDeployment.objects.filter(status="completed").values_list("pk", flat=True)},
        "job": {str(each) for each in TrainingJob.objects.filter(status="completed").values_list("pk", flat=True)},
        "rollout": {str(each) for each in Rollout.objects.values_list("pk", flat=True)},
    }
    models = Counter(str(row) for row in ModelVersion.objects.exclude(training_job=None).values_list("training_job", flat=True))
    events = Counter(LearningSample.objects.values_list("city", "event_id"))
    running = dict(EdgeSlot.objects.values_list("edge_server", "active_version"))
    return {
        "lost": {what: sorted(said[what] - there[what])[:20] for what in KEPT},
        "counts": {what: len(said[what]) for what in KEPT},
        "models": {job: models[job] for job in said["job"]},
        "twice": [event for event, count in events.items() if count > 1],
        "unheard": [e["edge"] for e in told["heartbeat"] if running[e["edge"]] != e["version"]],
        "refused": told["refused"],
        "errors": told["error"],
        "pages": [[entry["path"], entry["status"], entry["ms"]] for entry in told["page"]],
    }


def _annotator(number: int) -> User:
    return User.objects.create(name=f"Annotator {number}", email=f"mixed-{number}@example.org", role=Role.ANNOTATOR)


def _session(user: User) -> str:
    browser = Client()
    browser.force_login(user)
    return browser.cookies["sessionid"].value


KEPT = {
    "item": "event",
    "file": "event",
    "batch": "id",
    "decision": "client_uuid",
    "deployment": "id",
    "job": "id",
    "rollout": "id",
}
FUNCTIONS = {function.__name__: function for function in (mixed_ground, mixed_waiting, mixed_lost)}
