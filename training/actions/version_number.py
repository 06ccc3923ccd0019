"""Which number the next version of a dataset should have, by what changed since the newest one."""

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _

from training import semver
from training.models import DatasetDelta, DatasetMember, DatasetVersion, TrainingDataset, TrainingSample

LOOKED_AT = 1_000
"""The newest samples of the dataset that are looked at, where the counts say nothing."""


@dataclass
class Suggestion:
    """The number, which part of it goes up (major, minor, patch, or "" for the first), and why, in sentences."""

    version: str
    part: str
    since: str = ""
    reasons: list[str] = field(default_factory=list)


def suggest(dataset: TrainingDataset) -> Suggestion:
    """Suggest the next number; it is cheap, however large the dataset is, and whoever freezes may take another one.

    - major: what a label means changed. A label of the newest version's schema is gone, retired or has another name, or the
      dataset asks another question; models trained before and after do not answer in the same words.
    - minor: there is more. The schema has a new label, or samples came.
    - patch: there is nothing more, but what is there is better. Truths were corrected, samples went; also where nothing changed.

    The split never makes a major one: it is inherited, so what was test stays test whatever shares are asked for.
    """
    newest = _newest(dataset)
    if newest is None:
        return Suggestion("v" + semver.spelled(semver.following(None, part="minor")), "")
    before, now = _names(newest.label_schema), _names(dataset.module.schema.as_document())
    parts = {"major": _renamed(before, now), "minor": _more(newest, dataset, before, now), "patch": _better(newest)}
    for part, reasons in parts.items():
        if reasons or part == "patch":
            number = semver.following(semver.numbers_of(newest.version), part=part)
            return Suggestion("v" + semver.spelled(number), part, newest.version, reasons)
    raise AssertionError("patch is always suggested")


def labeled_in(dataset_id: Any) -> int:
    """Answer how many samples of a dataset have a truth, by its deltas."""
    return DatasetDelta.objects.filter(dataset=dataset_id).aggregate(labeled=Sum("labeled"))["labeled"] or 0


def _newest(dataset: TrainingDataset) -> DatasetVersion | None:
    """Answer the frozen version with the highest number."""
    frozen = DatasetVersion.objects.filter(dataset=dataset, frozen_at__isnull=False).order_by("-frozen_at")
    versions = frozen.values_list("pk", "version")[:1_000]
    newest, _version = max(versions, key=lambda row: semver.numbers_of(row[1]) or (0, 0, 0), default=(None, ""))
    return DatasetVersion.objects.select_related("dataset").get(pk=newest) if newest else None


Names = dict[Any, str]


def _renamed(before: Names, now: Names) -> list[str]:
    gone = [name for key, name in before.items() if key not in now]
    renamed = [(name, now[key]) for key, name in before.items() if key in now and now[key] != name]
    reasons = [_("the label %s is not asked for any more") % name for name in gone[:5]]
    return reasons + [_("the label %(old)s is called %(new)s now") % {"old": old, "new": new} for old, new in renamed[:5]]


def _more(newest: DatasetVersion, dataset: TrainingDataset, before: Names, now: Names) -> list[str]:
    reasons = [_("the label %s is new") % name for key, name in list(now.items()) if key not in before][:5]
    then = newest.statistics.get("of_dataset", {}).get("labeled", newest.sample_count)
    if (now_labeled := labeled_in(dataset.pk)) > then:
        reasons.append(_("%d more samples have a truth") % (now_labeled - then))
    elif _has_newcomer(newest, dataset):
        reasons.append(_("samples came that it does not hold"))
    return reasons


def _has_newcomer(newest: DatasetVersion, dataset: TrainingDataset) -> bool:
    """Look whether one of the newest samples of the dataset is no member."""
    rows = TrainingSample.objects.filter(dataset=dataset, is_labeled=True, rejection_reason="").order_by("-sample_id")
    keys = list(rows.values_list("sample_id", flat=True)[:LOOKED_AT])
    members = DatasetMember.objects.filter(version=newest, sample__among=keys).values_list("sample_id", flat=True)
    return bool(set(keys) - set(members))


def _better(newest: DatasetVersion) -> list[str]:
    reasons = []
    if newest.changed.exists():
        reasons.append(_("truths of its members were corrected, or taken back"))
    if newest.erased_count:
        reasons.append(_("members were erased"))
    return reasons


def _names(schema: dict[str, Any]) -> dict[Any, str]:
    """Answer id → name of the labels that are asked for."""
    return {label["id"]: label["name"] for label in schema.get("labels", ()) if not label.get("retired")}
