"""A hub in the middle of its day, for pictures of every page: digits of meters, models, rollouts and edges in many states."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from securesystemslib.signer import CryptoSigner
from sklearn.datasets import load_digits

from accounts.models import User
from deployments.actions import rollout as rollout_verbs
from deployments.models import DeploymentReport, DeploymentStatus, EdgeServer, EdgeSlot, EdgeTelemetry, Rollout
from learning.actions import city as city_verbs
from learning.actions import erasure as erasure_verbs
from learning.actions import hold, review
from learning.actions import module as module_verbs
from learning.models import AiModule, City, Erasure, LearningSample, ReviewSlot, StoredObject, UploadBatch
from learning.models.batch import DUPLICATE
from tests import people
from tests.factories import exchange, exported, street
from tests.factories import training as rooms
from tests.factories.deliveries import Deliveries, deliveries
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.factories.judged import judged_before
from tests.factories.scorings import scored
from tests.factories.training_models import ModelVersionFactory
from tests.factories.versions import later_version, proved
from training import trust
from training.actions import gate as module_gate
from training.actions import signing
from training.models import (
    DatasetImport,
    DatasetVersion,
    JobStatus,
    MetricPoint,
    ModelRegistration,
    ModelVersion,
    RunLog,
    RunState,
    SigningRequest,
    TrainingJob,
    TrainingRun,
)

SETTLED, WAITING = 60, 12
GATE = [
    {"measure": "accuracy", "kind": "at_least", "value": 0.6},
    {"measure": "f1", "kind": "each_class_at_least", "value": 0.9},
    {"measure": "accuracy", "kind": "not_worse", "value": 0.01},
]
SCORES: dict[str, Any] = {
    "by_class": [
        {"label": str(n), "truths": 12 + n, "precision": 0.99 - n / 90, "recall": 0.98 - n / 70, "f1": 0.985 - n / 80}
        for n in range(10)
    ],
    "confusion": {
        "labels": list("0123456789"),
        "rows": [[int(a == b) * 9 + int(a == b + 2) for b in range(10)] for a in range(10)],
    },
    "calibration": {
        "ece": 0.031,
        "bins": [
            {"from": n / 10, "to": n / 10 + 0.1, "n": 4 * n, "confidence": n / 10 + 0.05, "accuracy": min(1.0, n / 10 + 0.02)}
            for n in range(4, 10)
        ],
    },
}
HYPERPARAMETERS = {"hidden_units": 64, "max_epochs": 30, "learning_rate": 0.001}


@dataclass(frozen=True)
class Gallery:
    """What the pages of the gallery show."""

    batch: UploadBatch
    sample: LearningSample
    dataset_version: DatasetVersion
    later_version: DatasetVersion
    running: TrainingJob
    failed: TrainingJob
    released: ModelVersion
    testing: ModelVersion
    rollout: Rollout
    paused: Rollout
    edge: EdgeServer
    erasure: Erasure
    deliveries: Deliveries
    imports: tuple[DatasetImport, DatasetImport]
    asked: SigningRequest
    registration: ModelRegistration


def gallery() -> Gallery:
    """Make it all; days are counted from today."""
    ada, bo = people.ada(), people.bo()
    digits, pune = rooms.module(ada), city_verbs.add("city_pune", by=ada, name="Pune", timezone="Asia/Kolkata")
    module_verbs.add("plates", by=None, name="Number plates", task="text", reasons=["unreadable", "two_plates"])
    batch = _batch(pune)
    samples = _samples(digits, pune, batch)
    version = rooms.frozen(ada, rooms.dataset_of(ada, name="Evening meters"), seed=7)
    proved(version, ada)
    later = later_version(version, ada)
    first = _job(version, "first try", ada, accuracy=0.917)
    old = _model(version, first, "1.0.0", 0.917)
    second = _job(version, "wider layer", ada, accuracy=0.962)
    released = _model(version, second, "1.1.0", 0.962)
    testing = ModelVersionFactory(**_facts(version, second, "1.2.0", 0.971), status="testing")
    module_gate.set_rules(digits, by=ada, rules=GATE)
    members = list(version.members.filter(split="test").order_by("sample").values_list("sample", flat=True))
    for model, wrong in ((released, members[:3]), (testing, members[2:4])):
        scored(model, version, wrong=wrong, **SCORES)
    train = list(version.members.filter(split="train").order_by("sample").values_list("sample", flat=True))
    scored(testing, version, split="train", method="folds", wrong=train[:4], doubts=train[:4])
    running = _job(version, "more epochs", ada)
    failed = _job(version, "too wide", ada, failed=True)
    edges = [EdgeServerFactory(name=f"pune-{place}", city=pune, organization=None) for place in PLACES]
    _settled(rollout_verbs.start(old, by=bo, edges=edges), len(edges))
    plan = {"waves": [{"count": 1}, {"share": 0.5}, {"share": 1.0}], "error": {"max_failed": 1}}
    live = rollout_verbs.start(released, by=bo, edges=edges[:6], plan=plan)
    _two_waves_in(live)
    other = _model(version, _job(version, "two layers", ada, accuracy=0.958), "1.1.1", 0.958)
    paused = rollout_verbs.start(other, by=bo, edges=edges[6:])
    rollout_verbs.pause(paused, by=ada, reason="The meters of the harbour are being exchanged.")
    _stand_differently(edges)
    exported.exports(version, ada)
    street.waiting(pune)
    judged_before(digits, samples[6:56])
    return Gallery(
        batch,
        samples[0],
        version,
        later,
        running,
        failed,
        released,
        testing,
        live,
        paused,
        edges[1],
        _erasure(samples[:5], ada),
        deliveries(pune, samples[20:50]),
        exchange.imports(ada),
        _asked(),
        _registered(digits, ada),
    )


def _registered(module: AiModule, by: User) -> ModelRegistration:
    """Register a model from elsewhere, and try one that cannot be; answers the first."""
    told = {
        "module": module,
        "created_by": by,
        "source": "https://models.example/meters",
        "licence": "CC BY 4.0",
        "md5": 32 * "0",
    }
    told |= {"size": 1_843_211, "expires_at": timezone.now()}
    broken = "The model needs opset 28; agents run up to 26. Export it with an older opset."
    ModelRegistration.objects.create(
        name="Meters, newest", file_name="meters-28.onnx", state="failed", error_message=broken, **told
    )
    made = ModelVersionFactory(
        module=module, version="2.0.0", name="Meters of the vendor", trainer_name="external", requested_by=by
    )
    answers = [{"label": str(number), "confidence": 0.97 - number / 10} for number in range(4)]
    facts = {
        "state": "registered",
        "model_version": made,
        "answers": answers,
        "sha256": 64 * "a",
        "notes": "Trained on 60,000 crops.",
    }
    return ModelRegistration.objects.create(name="Meters of the vendor", file_name="meters.onnx", **told, **facts)


def _asked() -> SigningRequest:
    """Give the root and the releases to three people of whom two must sign, and have one of them sign for herself."""
    signers = [CryptoSigner.generate_ed25519() for _ in NAMES]
    for signer, name in zip(signers, NAMES, strict=True):
        signer.public_key.unrecognized_fields["name"] = f"{name}'s key"
    holders = trust.Holders(tuple(signer.public_key for signer in signers), 2)
    signing.rotate("root", holders, by=None)
    signing.rotate("targets", holders, by=None)
    signing.sign_with(signers[0], by=None, signers=trust.at_hand())
    return trust.opened()


NAMES = ["Ada", "Bo", "Cleo"]


def _erasure(samples: list[LearningSample], by: User) -> Erasure:
    """Ask for some samples' erasure, one of them under legal hold."""
    asked = erasure_verbs.draft("samples", {"samples": [sample.sample_id for sample in samples]}, by=by, reference="R-17")
    hold.put_on_samples(samples[:1], by=by, reason="Court of Pune, case 17")
    gathered = erasure_verbs.gather(asked.pk)
    assert gathered is not None
    return gathered


PLACES = ["market", "harbour", "station", "airport", "stadium", "bridge", "museum", "garden"]


def _batch(city: City) -> UploadBatch:
    today = timezone.now().date()
    facts: dict[str, Any] = {"city": city, "item_count": SETTLED + WAITING, "state": "registered"}
    batch = UploadBatch.objects.create(id=f"batch_{city.slug}_{today:%Y%m%d}", day=today, finished_at=timezone.now(), **facts)
    batch.rejections.create(event_id="e-901", reason="not_an_image", detail="It could not be decoded.")
    batch.rejections.create(event_id="e-902", reason="too_small", detail="8 × 8 pixels; at least 16 × 16 are needed.")
    for number in range(4):
        batch.rejections.create(event_id=f"e-{number}", reason=DUPLICATE, detail="The hub has it already.")
    for days in range(1, 6):
        day: date = today - timedelta(days=days)
        then = timezone.now() - timedelta(days=days)
        earlier = UploadBatch.objects.create(id=f"batch_{city.slug}_{day:%Y%m%d}", day=day, finished_at=then, **facts)
        UploadBatch.objects.filter(pk=earlier.pk).update(opened_at=then)
    return batch


def _samples(digits: AiModule, city: City, batch: UploadBatch) -> list[LearningSample]:
    known = load_digits()
    predicted = {"predicted_by": {"model": "meter_digits", "version": "0.9.0"}, "batch": batch}
    rows = []
    for number in range(SETTLED + WAITING):
        truth = str(known.target[number])
        content = rooms.png(known.images[number], 96)
        prediction = {"label": str((int(truth) + (number % 9 == 4)) % 10)}
        facts: dict[str, Any] = {"prediction": prediction, "confidence": 0.99 - number % 9 / 20, **predicted}
        if number >= SETTLED:
            facts |= {"state": "pending", "truth": None, "truth_sha256": "", "label_status": ""}
        rows.append(rooms.sample(digits, city, number, label=truth, content=content, **facts))
        if number >= SETTLED:
            ReviewSlot.opened(rows[-1]).save()
    StoredObject.objects.update(verified_at=rooms.NOON, width=96, height=96)
    _judge(digits)
    LearningSample.objects.filter(pk=rows[3].pk).update(state="disputed", truth=None, truth_sha256="")
    return [_judged(digits) or rows[0], *rows]


def _judge(digits: AiModule) -> None:
    for uuid, (decision, reason) in enumerate([("correct", ""), ("unsure", "unreadable"), ("correct", ""), ("correct", "")]):
        lease = review.lease_next(digits, by=people.ada())
        assert lease is not None
        facts = {"lease_token": lease.token, "client_uuid": f"00000000-0000-4000-8000-{uuid:012}"}
        review.decide(lease.slot, by=people.ada(), decision=decision, reason=reason, seconds=2.4, **facts)


def _judged(digits: AiModule) -> LearningSample | None:
    """A sample that a person of the hub judged."""
    return LearningSample.objects.filter(module=digits, state="settled", labels__annotator=people.ada()).order_by("id").first()


def _job(version: DatasetVersion, name: str, by, *, accuracy: float | None = None, failed: bool = False) -> TrainingJob:
    now = timezone.now()
    status, state = (JobStatus.COMPLETED, RunState.SUCCEEDED) if accuracy else (JobStatus.RUNNING, RunState.RUNNING)
    status, state = (JobStatus.FAILED, RunState.FAILED) if failed else (status, state)
    epochs = 30 if accuracy else 4 if failed else 18
    job = TrainingJob.objects.create(
        name=name,
        module=version.dataset.module,
        dataset=version.dataset,
        dataset_version=version,
        trainer="mlp_classifier",
        hyperparameters=HYPERPARAMETERS,
        status=status,
        progress_percent=epochs * 100 // 30,
        current_epoch=epochs,
        total_epochs=30,
        metrics={"accuracy": accuracy, "f1_score": accuracy - 0.004} if accuracy else {},
        started_at=now - timedelta(minutes=3),
        completed_at=None if status == JobStatus.RUNNING else now,
        estimated_completion=now + timedelta(minutes=2) if status == JobStatus.RUNNING else None,
        error_message="The process needed more than 2.0 GB of memory." if failed else "",
        created_by=by,
    )
    run = TrainingRun.objects.create(
        job=job,
        attempt=1,
        state=state,
        token="t",
        heartbeat_at=now,
        modality="meter_digits",
        worker="training@hub-1",
        exit_reason="oom" if failed else "done" if accuracy else "",
        examples_hash=version.fingerprint,
        seed=7,
        code_version="0.1.0",
    )
    for epoch in range(1, epochs + 1):
        reached = (accuracy or 0.968) * (1 - 0.7 ** (epoch + 1))
        MetricPoint.objects.create(run=run, name="validation_accuracy", step=epoch, value=reached)
        MetricPoint.objects.create(run=run, name="train_loss", step=epoch, value=2.3 * 0.85**epoch)
        RunLog.objects.create(run=run, seq=epoch, at=now, text=f"epoch {epoch} of 30: validation accuracy {reached:.3f}")
    return job


def _facts(version: DatasetVersion, job: TrainingJob, number: str, accuracy: float) -> dict[str, Any]:
    return {
        "module": version.dataset.module,
        "version": number,
        "name": "meter_digits",
        "trainer_name": "mlp_classifier",
        "dataset_version": version,
        "training_job": job,
        "accuracy": accuracy,
        "precision_score": accuracy - 0.002,
        "recall_score": accuracy - 0.006,
        "f1_score": accuracy - 0.004,
        "inference_time_ms": 0.31,
        "card": "Reads one digit of a meter.\n\nTrained on what people of Pune confirmed. Not for analogue dials.",
    }


def _model(version: DatasetVersion, job: TrainingJob, number: str, accuracy: float) -> ModelVersion:
    made = released_version(**_facts(version, job, number, accuracy))
    if job.output_model_version_id is None:
        TrainingJob.objects.filter(pk=job.pk).update(output_model_version=made)
        made.runs.add(*job.runs.all())
    return made


def _settled(rollout: Rollout, count: int) -> None:
    for deployment in rollout.deployments.all()[:count]:
        deployment.move(DeploymentStatus.COMPLETED, progress_percent=100, completed_at=timezone.now())
        _report(deployment)
    EdgeSlot.objects.update(active_version=rollout.model_version.version, reported_at=timezone.now())
    rollout_verbs.advance(rollout.pk)


def _report(deployment, last: str = "completed", error: str = "") -> None:
    now = timezone.now()
    for seq, (status, percent) in enumerate([("downloading", 40), ("downloading", 100), ("installing", 100), (last, 100)], 1):
        said = {"status": status, "progress_percent": percent, "error_message": error if status == "failed" else ""}
        DeploymentReport.objects.create(deployment=deployment, attempt=1, seq=seq, at=now, **said)


def _two_waves_in(rollout: Rollout) -> None:
    first, second, third = rollout.deployments.order_by("wave__number", "edge_server_id")[:3]
    first.move(DeploymentStatus.COMPLETED, progress_percent=100, completed_at=timezone.now())
    _report(first)
    slot = EdgeSlot.objects.filter(edge_server=first.edge_server)
    slot.update(active_version=rollout.model_version.version, previous_version="1.0.0")
    rollout_verbs.advance(rollout.pk)
    error = "The disk is full: 12 MB are free, 48 MB are needed."
    second.refresh_from_db()
    second.move(DeploymentStatus.FAILED, error_message=error)
    _report(second, "failed", error)
    third.refresh_from_db()
    third.move(DeploymentStatus.DOWNLOADING, progress_percent=62)


def _stand_differently(edges: list[EdgeServer]) -> None:
    now = timezone.now()
    EdgeServer.objects.update(
        last_seen_at=now - timedelta(seconds=20),
        enrolled_at=now - timedelta(days=30),
        edge_version="0.1.0",
        platform={"system": "linux", "machine": "x86_64"},
    )
    answered = {"kind": "answered", "version": "1.0.0", "images": 1204, "errors": 2, "empty": 31}
    EdgeSlot.objects.filter(edge_server=edges[1]).update(telemetry=[answered], telemetry_at=now - timedelta(seconds=20))
    sums = {"images": 1204, "errors": 2, "empty": 31, "latency": {"14": 1204}, "confidence": [0] * 8 + [204, 1000]}
    hours = [now.replace(minute=0, second=0, microsecond=0) - timedelta(days=ago) for ago in range(9)]
    EdgeTelemetry.objects.bulk_create(
        EdgeTelemetry(
            edge_server=edges[1], module=edges[1].slots.get().module, version="1.0.0", hour=hour, measured=_varied(sums, number)
        )
        for number, hour in enumerate(hours)
    )
    EdgeServer.objects.filter(pk__in=[edge.pk for edge in edges[:3]]).update(group="gates")
    EdgeServer.objects.filter(pk=edges[4].pk).update(last_seen_at=now - timedelta(hours=5))
    EdgeSlot.objects.filter(edge_server=edges[2]).update(desired_at=now - timedelta(hours=2))
    EdgeSlot.objects.filter(edge_server=edges[3]).update(held=True, held_reason="The site went back to 1.0.0 by itself.")


def _varied(sums: dict[str, Any], number: int) -> dict[str, Any]:
    """Make one day a little unlike another."""
    images = sums["images"] + 40 * (number % 3)
    return {**sums, "images": images, "empty": sums["empty"] + 7 * (number % 4), "latency": {str(13 + number % 3): images}}
