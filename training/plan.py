"""What a customer's plan bounds: each is counted under the lock of the customer's row, so that two requests cannot pass it.

Rows of nobody (organization null) have no limits. Each function is for the transaction of the verb that it bounds.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from accounts.models import Organization
from core.errors import Refused
from learning.models import LearningSample, StoredObject
from training.models import JobKind, ModelStatus, ModelVersion, TrainingDataset, TrainingJob, TrainingSample

NO_DATASETS = "The plan of {} has no datasets of its own."
JOBS = "The plan of {} has {limit} training jobs a month; {used} were created in this one."
RELEASES = "The plan of {} has {limit} released models a module; {used} are. Deprecate one first."
NO_MODELS = "The plan of {} has no models of its own."
BYTES = "The plan of {} has {limit} a dataset; this one has {used}, and this would bring {brought} more."


def allow_dataset(organization: Organization | None) -> None:
    """Raise Refused for a customer whose plan has no datasets."""
    if organization is not None and not organization.limits.dataset_bytes:
        raise _used_up(organization, NO_DATASETS, 0, 0)


def spend_job(organization: Organization | None) -> None:
    """Allow one more training in this UTC month; raises Refused. A lost worker makes a new run and not a new job."""
    if organization is None:
        return
    limits = lock(organization).limits
    used = jobs_this_month([organization]).count()
    if not limits.custom_training or used >= limits.jobs_per_month:
        raise _used_up(organization, JOBS, limits.jobs_per_month, used)


def allow_own_models(organization: Organization | None) -> None:
    """Raise Refused for a customer whose plan has no models of its own."""
    if organization is not None and not organization.limits.custom_training:
        raise _used_up(organization, NO_MODELS, 0, 0)


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
        facts = {"limit": limit, "used": used, "brought": brought}
        raise Refused(in_bytes(dataset.organization, **facts), code="plan_limit", facts=facts)


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
    used = released_by([version.organization]).filter(module_id=version.module_id).count()
    if used >= limit:
        raise _used_up(version.organization, RELEASES, limit, used)


def jobs_this_month(organizations: Sequence[Organization]) -> QuerySet[TrainingJob]:
    """Select the trainings that count against this UTC month."""
    now = timezone.now().astimezone(UTC)
    month = datetime(now.year, now.month, 1, tzinfo=UTC)
    return TrainingJob.objects.filter(organization__in=organizations, kind=JobKind.TRAIN, created_at__gte=month)


def released_by(organizations: Sequence[Organization]) -> QuerySet[ModelVersion]:
    """Select the versions that count as released: those that are, and those whose release was asked for."""
    asked = Q(status=ModelStatus.APPROVED, release_requested_at__isnull=False)
    return ModelVersion.objects.filter(asked | Q(status=ModelStatus.RELEASED), organization__in=organizations)


def lock(organization: Organization) -> Organization:
    """Hold a customer's row until the transaction ends, and answer it as it is now."""
    return Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def in_bytes(organization: Organization, **sizes: int) -> str:
    """Answer the sentence with which more bytes are refused, in sizes as people read them."""
    return BYTES.format(organization.name, **{name: filesizeformat(size) for name, size in sizes.items()})


def _used_up(organization: Organization, sentence: str, limit: int, used: int) -> Refused:
    text = sentence.format(organization.name, limit=limit, used=used)
    return Refused(text, code="plan_limit", facts={"limit": limit, "used": used})
