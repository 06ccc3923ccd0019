"""What a customer's plan bounds: each is counted under the lock of the customer's row, so that two requests cannot pass it.

Rows of nobody (organization null) have no limits. Each function is for the transaction of the verb that it bounds.
"""

from datetime import UTC, datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import Organization
from core.errors import Refused
from learning.models import LearningSample, StoredObject
from training.models import JobKind, ModelStatus, ModelVersion, TrainingDataset, TrainingJob, TrainingSample


def allow_dataset(organization: Organization | None) -> None:
    """Raise Refused for a customer whose plan has no datasets."""
    if organization is not None and not organization.limits.dataset_bytes:
        raise _used_up(organization, "The plan of {} has no datasets of its own.", 0, 0)


def spend_job(organization: Organization | None) -> None:
    """Allow one more training in this UTC month; raises Refused. A lost worker makes a new run and not a new job."""
    if organization is None:
        return
    limits, now = lock(organization).limits, timezone.now().astimezone(UTC)
    month = datetime(now.year, now.month, 1, tzinfo=UTC)
    used = TrainingJob.objects.filter(organization=organization, kind=JobKind.TRAIN, created_at__gte=month).count()
    if not limits.custom_training or used >= limits.jobs_per_month:
        sentence = "The plan of {} has {limit} training jobs a month; {used} were created in this one."
        raise _used_up(organization, sentence, limits.jobs_per_month, used)


def spend_bytes(dataset: TrainingDataset, samples: QuerySet[LearningSample]) -> int:
    """Answer how many bytes these samples bring into a customer's dataset, where each object counts once; raises Refused."""
    if dataset.organization is None:
        return 0
    lock(dataset.organization)
    held = TrainingSample.objects.filter(dataset=dataset, sample__object=OuterRef("pk"))
    new = StoredObject.objects.filter(~Exists(held), pk__in=samples.order_by().values("object"))
    brought = new.aggregate(total=Sum("size"))["total"] or 0
    allow_bytes(dataset, brought)
    return brought


def allow_bytes(dataset: TrainingDataset, brought: int) -> None:
    """Raise Refused where a customer's dataset has no room for so many bytes."""
    if dataset.organization is None:
        return
    limit = dataset.organization.limits.dataset_bytes
    used = dataset.deltas.aggregate(total=Sum("bytes"))["total"] or 0
    if used + brought > limit:
        sentence = "The plan of {} has {limit:,} bytes a dataset; this one has {used:,}, and this would bring {brought:,} more."
        raise _used_up(dataset.organization, sentence, limit, used, brought=brought)


def bytes_of(place: TrainingSample) -> int:
    """Answer how many bytes leave a customer's dataset with this sample: none where another one has the same object."""
    stored = place.sample.object
    if place.dataset.organization_id is None or stored is None:
        return 0
    same = TrainingSample.objects.filter(dataset=place.dataset, sample__object=stored).exclude(pk=place.pk)
    return 0 if same.exists() else stored.size


def spend_release(version: ModelVersion) -> None:
    """Allow one more version of its module that is released, or asked to be, and not deprecated; raises Refused."""
    if version.organization is None:
        return
    limit = lock(version.organization).limits.active_models_per_module
    asked = Q(status=ModelStatus.APPROVED, release_requested_at__isnull=False)
    counted = ModelVersion.objects.filter(asked | Q(status=ModelStatus.RELEASED), module_id=version.module_id)
    used = counted.filter(organization=version.organization).count()
    if used >= limit:
        sentence = "The plan of {} has {limit} released models a module; {used} are. Deprecate one first."
        raise _used_up(version.organization, sentence, limit, used)


def lock(organization: Organization) -> Organization:
    """Hold a customer's row until the transaction ends, and answer it as it is now."""
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def _used_up(organization: Organization, sentence: str, limit: int, used: int, **facts: int) -> Refused:
    text = sentence.format(organization.name, limit=limit, used=used, **facts)
    return Refused(text, code="plan_limit", facts={"limit": limit, "used": used, **facts})
