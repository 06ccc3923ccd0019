"""One of everything, so that each page has something to show: a loop of Acme's, and one that belongs to nobody in particular."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from deployments.models import EdgeServer, EdgeSlot, ModelDeployment, Rollout, RolloutWave
from learning.models import AiModule, City, LearningSample, ReviewSlot, UploadBatch
from tests import people
from tests.factories import training as rooms
from tests.factories.deployments import EdgeServerFactory
from tests.factories.training_models import ModelVersionFactory
from training.models import JobStatus, MetricPoint, ModelVersion, RunLog, RunState, TrainingJob, TrainingRun


@dataclass(frozen=True)
class World:
    """What there is; `pages` leads to each of it."""

    module: AiModule
    city: City
    batch: UploadBatch
    sample: LearningSample
    version: Any
    job: TrainingJob
    model: ModelVersion
    edge: EdgeServer
    rollout: Rollout


def world(organization=None) -> World:
    """Make one of everything, of `organization` or global; names hold its slug, so that a page can be searched for it."""
    ada = people.ada()
    name = organization.slug if organization else "hub"
    module = rooms.module(ada)
    city = rooms.city(ada, slug=f"city_{name}", organization=organization)
    batch = UploadBatch.objects.create(id=f"batch_{name}", city=city, day=date(2026, 11, 20), item_count=3)
    batch.rejections.create(event_id="e-9", reason="not_an_image", detail="It could not be decoded.")
    samples = [rooms.sample(module, city, number, batch=batch) for number in range(3)]
    waiting = rooms.sample(
        module, city, 3, batch=batch, state="pending", truth=None, truth_sha256="", prediction={"label": "1"}
    )
    ReviewSlot.opened(waiting).save()
    dataset = rooms.dataset_of(ada, name=f"digits of {name}", organization=organization)
    version = rooms.frozen(ada, dataset)
    job = _job(version, name, ada)
    model = ModelVersionFactory(
        module=module,
        organization=organization,
        name=f"model of {name}",
        dataset_version=version,
        training_job=job,
        status="testing",
    )
    edge = EdgeServerFactory(name=f"edge-{name}", organization=organization, city=city)
    return World(module, city, batch, samples[0], version, job, model, edge, _rollout(model, edge))


def _job(version, name, by) -> TrainingJob:
    job = TrainingJob.objects.create(
        name=f"job of {name}",
        organization=version.dataset.organization,
        module=version.dataset.module,
        dataset=version.dataset,
        dataset_version=version,
        trainer="mlp_classifier",
        status=JobStatus.RUNNING,
        progress_percent=40,
        current_epoch=2,
        total_epochs=5,
        created_by=by,
    )
    run = TrainingRun.objects.create(
        job=job, attempt=1, state=RunState.RUNNING, token="t", heartbeat_at=timezone.now(), modality=version.dataset.module.slug
    )
    for step in (1, 2):
        MetricPoint.objects.create(run=run, name="accuracy", step=step, value=step / 4)
        RunLog.objects.create(run=run, seq=step, at=timezone.now(), text=f"epoch {step} of 5")
    return job


def _rollout(model: ModelVersion, edge: EdgeServer) -> Rollout:
    rollout = Rollout.objects.create(
        organization=model.organization, model_version=model, state="paused", created_by=people.ada(), started_at=timezone.now()
    )
    wave = RolloutWave.objects.create(rollout=rollout, number=1)
    ModelDeployment.objects.create(
        model_version=model, edge_server=edge, module=model.module, rollout=rollout, wave=wave, created_by=people.ada()
    )
    EdgeSlot.objects.filter(edge_server=edge).update(desired=model, desired_at=timezone.now() - timedelta(hours=1))
    return rollout
