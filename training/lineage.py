"""Where a sample went, by membership: the frozen versions that hold it, and the models that were trained on them."""

from typing import Any

from accounts.models import User
from learning.models import LearningSample
from training.models import DatasetMember, DatasetVersion, ModelVersion, VersionState

SHOWN = 100


def versions_with(sample: LearningSample, user: User) -> list[DatasetVersion]:
    """Answer the versions within reach that were frozen with this sample, the oldest first; by the members' index."""
    members = DatasetMember.objects.filter(sample=sample, erased_at__isnull=True).values_list("version_id", flat=True)
    rows = DatasetVersion.objects.visible_to(user).filter(pk__in=list(members[:SHOWN])).exclude(state=VersionState.FREEZING)
    return list(rows.select_related("dataset").order_by("frozen_at"))


def document(sample: LearningSample, user: User) -> dict[str, Any]:
    """Spell it, with the seeds' two columns: the newest version that holds the sample, and whether there is one."""
    versions = versions_with(sample, user)
    models = ModelVersion.objects.visible_to(user).filter(dataset_version__in=[row.pk for row in versions])
    trained = models.select_related("module").order_by("trained_at")[:SHOWN]
    return {
        "sample_id": sample.sample_id,
        "used_in_training": bool(versions),
        "training_dataset_version": str(versions[-1]) if versions else None,
        "versions": [
            {"id": row.pk, "dataset": row.dataset.name, "version": row.version, "frozen_at": row.frozen_at} for row in versions
        ],
        "models": [
            {"id": row.pk, "ai_module": row.module.slug, "version": row.version, "status": row.status} for row in trained
        ],
    }
