"""A later version of a dataset, in which something came, went, was relabelled and is in another group; and both are compared."""

from core.canonical import canonical_sha256
from learning.models import LearningSample
from tests.factories import training as rooms
from training.actions import version_comparison, version_proof
from training.models import DatasetMember, DatasetVersion, TrainingSample


def proved(version: DatasetVersion, by) -> None:
    version_proof.ask(version, by=by, objects=True)
    assert version_proof.prove(version.pk)


def later_version(version: DatasetVersion, by) -> DatasetVersion:
    """Freeze the dataset once more after some of its last members changed, and have the two compared."""
    last = DatasetMember.objects.filter(version=version).order_by("-sample_id").values_list("sample_id", flat=True)[:9]
    keys = list(last)
    for number, key in enumerate(keys[:5]):
        truth = {"label": str(number)}
        LearningSample.objects.filter(pk=key).update(truth=truth, truth_sha256=canonical_sha256(truth))
    LearningSample.objects.filter(pk__in=keys[5:7]).update(group_key="looks alike")
    TrainingSample.objects.filter(dataset=version.dataset, sample__in=keys[7:]).update(rejection_reason="blurred")
    made = rooms.frozen(by, version.dataset, "v1.1.0", release_notes="Five digits read again.")
    assert version_comparison.work(version_comparison.ask(version, made, by=by).pk)
    return made
