"""How versions stand beside each other: on one frozen split that all of them were scored on, never on two."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from accounts.models import User
from core.errors import Conflict, Invalid
from learning.models import LearningSample
from training.gate import MEASURES, classes_of, measured
from training.models import DatasetVersion, EvaluationMethod, ModelEvaluation, ModelVersion, SampleOutcome, Split

FEWEST, MOST = 2, 6
CLASS_MEASURE = "f1"
Ground = tuple[DatasetVersion, str]


@dataclass(frozen=True)
class Standing:
    """Versions on one split: their evaluations in the order asked for, None where one was not scored there."""

    dataset_version: DatasetVersion
    split: str
    versions: Sequence[ModelVersion]
    evaluations: Sequence[ModelEvaluation | None]

    @property
    def missing(self) -> list[ModelVersion]:
        """The versions that were not scored on this split."""
        return [version for version, scored in zip(self.versions, self.evaluations, strict=True) if scored is None]

    @property
    def measures(self) -> list[tuple[str, list[float | None]]]:
        """Each measure that any of them has, with the value of each version."""
        rows = [(name, [measured(scored.scores, name) if scored else None for scored in self.evaluations]) for name in MEASURES]
        return [(name, values) for name, values in rows if any(value is not None for value in values)]

    @property
    def classes(self) -> list[dict[str, Any]]:
        """Each class that occurs: how many truths it has, and F1 of each version."""
        of_each = [_by_class(scored) for scored in self.evaluations]
        labels = dict.fromkeys(label for known in of_each for label in known)
        return [
            {
                "label": label,
                "truths": max((known[label]["truths"] for known in of_each if label in known), default=0),
                "values": [known.get(label, {}).get(CLASS_MEASURE) for known in of_each],
            }
            for label in labels
        ]

    def swaps(self) -> list[dict[str, Any]]:
        """For each version after the first: how many samples it lost that the first has right, and how many it won."""
        first = self.evaluations[0]
        return [
            {
                "version": version,
                "lost": other.outcomes.lost_to(first).count() if first and other else None,
                "won": first.outcomes.lost_to(other).count() if first and other else None,
            }
            for version, other in zip(self.versions[1:], self.evaluations[1:], strict=True)
        ]


def grounds(versions: Sequence[ModelVersion]) -> list[Ground]:
    """Answer the splits on which most of these versions were scored, two at least, the newest first."""
    rows = ModelEvaluation.objects.done().filter(model_version__in=versions, method=EvaluationMethod.SPLIT)
    counted = rows.values("dataset_version", "split").annotate(scored=Count("model_version", distinct=True))
    several = [row for row in counted if row["scored"] >= FEWEST]
    known = DatasetVersion.objects.select_related("dataset").in_bulk([row["dataset_version"] for row in several])
    several.sort(key=lambda row: (row["scored"], row["split"] == Split.TEST, row["dataset_version"]), reverse=True)
    return [(known[row["dataset_version"]], row["split"]) for row in several]


def stand(versions: Sequence[ModelVersion], dataset_version: DatasetVersion, split: str) -> Standing:
    """Answer how 2 to 6 versions of one module stand on a split; raises Invalid or Conflict."""
    check(versions)
    if dataset_version.frozen_at is None:
        raise Conflict(f"{dataset_version} is {dataset_version.state}; models are compared on what is frozen.")
    if split not in Split.values:
        raise Invalid(f"There is no split {split}; there are {', '.join(Split.values)}.", errors={"split": ["is unknown"]})
    rows = ModelEvaluation.objects.latest_on(dataset_version, split).filter(model_version__in=versions)
    found = {row.model_version_id: row for row in rows}
    return Standing(dataset_version, split, versions, [found.get(version.pk) for version in versions])


def check(versions: Sequence[ModelVersion]) -> None:
    """Raise Invalid unless these are 2 to 6 different versions of one module."""
    if not FEWEST <= len({version.pk for version in versions}) == len(versions) <= MOST:
        raise Invalid(f"Compare {FEWEST} to {MOST} different versions.", errors={"with": ["has too few or too many"]})
    if any(version.module_id != versions[0].module_id for version in versions):
        raise Invalid("Versions of different modules answer different questions.", errors={"with": ["is of another module"]})


def swapped(lost_by: ModelEvaluation, won_by: ModelEvaluation, user: User, *, truth: str = "") -> Any:
    """Answer the outcomes that one evaluation has wrong and the other right, of samples within reach, as a QuerySet."""
    rows = lost_by.outcomes.lost_to(won_by).filter(sample__in=LearningSample.objects.visible_to(user))
    if truth:
        rows = rows.filter(truth=truth)
    return rows.select_related("sample__city", "sample__object__thumbnail").order_by("sample")


def said_by(evaluation: ModelEvaluation, samples: Sequence[int]) -> dict[int, SampleOutcome]:
    """Answer what an evaluation has of these samples."""
    return {row.sample_id: row for row in evaluation.outcomes.filter(sample__in=samples)}


def _by_class(scored: ModelEvaluation | None) -> dict[str, dict[str, Any]]:
    return {row["label"]: row for row in classes_of(scored.scores)} if scored else {}
