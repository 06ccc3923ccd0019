"""What becomes of samples: the truth a city's label makes, and telling the apps above."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.canonical import canonical_sha256
from core.hooks import SampleChange, samples_settled
from learning.models import HitlLabel, LabelStatus, LearningSample, SampleState
from learning.models.policy import ReviewPolicy

SETTLED_FIELDS = ["state", "truth", "truth_sha256", "label_status"]


@dataclass(frozen=True)
class Verdict:
    """What a sample becomes: its state, its truth where it has one, and the label_status that goes with it."""

    state: str
    truth: dict[str, Any] | None = None
    label_status: str = ""


PENDING = Verdict(SampleState.PENDING)


def city_verdict(policy: ReviewPolicy, sample: LearningSample, label: HitlLabel | None) -> Verdict:
    """Say what a sample becomes by its city's label: settled where that is trusted, else waiting for a person."""
    if label is None or policy.picks(sample.sample_id):
        return PENDING
    return settled_by(label)


def settled_by(label: HitlLabel) -> Verdict:
    """Say that this judgement is the truth; it is not one of unsure."""
    return Verdict(SampleState.SETTLED, truth_of(label), label.label_status)


def truth_of(label: HitlLabel) -> dict[str, Any] | None:
    """Answer what a judgement says is true: the prediction, the correction, or None where it is unsure."""
    return {
        LabelStatus.CORRECT: label.prediction,
        LabelStatus.CHANGED: label.correction,
        LabelStatus.UNSURE: None,
    }[LabelStatus(label.label_status)]


def apply(sample: LearningSample, verdict: Verdict) -> SampleChange:
    """Set the verdict on the instance, not in the database, and answer the change to announce."""
    old_state, old_truth = sample.state, sample.truth_sha256
    sample.state, sample.truth, sample.label_status = verdict.state, verdict.truth, verdict.label_status
    sample.truth_sha256 = canonical_sha256(verdict.truth) if verdict.truth is not None else ""
    return SampleChange(sample.pk, old_state, sample.state, old_truth, sample.truth_sha256)


def move(sample: LearningSample, verdict: Verdict) -> SampleChange:
    """Move one sample, in the database, to where the verdict puts it, and answer the change to announce."""
    old_state, old_truth = sample.state, sample.truth_sha256
    digest = canonical_sha256(verdict.truth) if verdict.truth is not None else ""
    if old_state != verdict.state:
        sample.move(verdict.state, truth=verdict.truth, truth_sha256=digest, label_status=verdict.label_status)
    else:  # it stays where it is, with another truth
        apply(sample, verdict)
        sample.save(update_fields=SETTLED_FIELDS)
    task = sample.module.task if LearningSample.module.is_cached(sample) else ""
    return SampleChange(sample.pk, old_state, sample.state, old_truth, digest, task)


def settle(sample: LearningSample, verdict: Verdict) -> None:
    """Move a locked sample to where the verdict puts it and tell the apps above."""
    announce([move(sample, verdict)])


def announce(changes: Iterable[SampleChange]) -> None:
    """Tell the apps above, in this transaction, of those whose state or truth really changed."""
    real: Sequence[SampleChange] = [
        change for change in changes if (change.old_state, change.old_truth) != (change.new_state, change.new_truth)
    ]
    if real:
        samples_settled.announce(real)


def newest_city_labels(samples: Iterable[LearningSample]) -> dict[int, HitlLabel]:
    """Answer the city's standing label of each sample that has one, by the sample's key, in one query."""
    keys = [sample.pk for sample in samples]
    labels = HitlLabel.objects.standing().by_cities().filter(sample_id__in=keys)
    return {label.sample_id: label for label in labels.order_by("id")}
