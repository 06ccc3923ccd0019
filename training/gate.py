"""The release gate of a module: rules over what was measured, each green or red, before anybody approves.

A rule is `{"measure", "kind", "value"}`: the measure is `at_least` or `at_most` the value, every class has `each_class_at_least`
it, or it is at most the value worse than that of the active version on the very same test split (`not_worse`). Evidence is the
newest evaluation on a test split, that of the version's own dataset first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _

from core.errors import Invalid
from training.models import EvaluationMethod, ModelEvaluation, ModelVersion, Split

MEASURES = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "exact_match",
    "character_error_rate",
    "map50",
    "map",
    "ece",
    "inference_time_ms",
    "examples",
)
LESS_IS_BETTER = frozenset({"character_error_rate", "ece", "inference_time_ms"})
OF_CLASSES = frozenset({"precision", "recall", "f1", "ap50"})
KINDS = ("at_least", "at_most", "each_class_at_least", "not_worse")
MAX_RULES = 20
MAX_CLASSES = 300
MOST = 1_000_000


@dataclass(frozen=True)
class Verdict:
    """One rule, held against the evidence: what was asked for and what was found, in words."""

    rule: str
    found: str
    is_green: bool


@dataclass(frozen=True)
class Judgement:
    """What the gate says of a version; without rules there is nothing to be red."""

    verdicts: tuple[Verdict, ...]
    evidence: ModelEvaluation | None

    @property
    def is_green(self) -> bool:
        """Tell whether no rule is red."""
        return all(verdict.is_green for verdict in self.verdicts)

    @property
    def red(self) -> list[str]:
        """The rules that are red."""
        return [verdict.rule for verdict in self.verdicts if not verdict.is_green]

    def as_document(self) -> dict[str, Any]:
        """Answer it as it is kept and sent."""
        return {
            "is_green": self.is_green,
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "evaluation": str(self.evidence.pk) if self.evidence else None,
        }


def check(rules: Any) -> list[dict[str, Any]]:
    """Answer the rules as they are kept; raises Invalid with a sentence for each that is none."""
    if not isinstance(rules, Sequence) or isinstance(rules, str) or len(rules) > MAX_RULES:
        raise Invalid(f"A release gate is a list of {MAX_RULES} rules at most.", errors={"rules": ["is no such list"]})
    return [_checked(number, rule) for number, rule in enumerate(rules, start=1)]


def judge(version: ModelVersion) -> Judgement:
    """Hold a version against the rules of its module, as both are now."""
    rules = version.module.release_gate or []
    evidence = evidence_of(version)
    if not rules:
        return Judgement((), evidence)
    active = _active_on(version, evidence) if any(rule["kind"] == "not_worse" for rule in rules) else None
    return Judgement(tuple(_verdict(rule, version, evidence, active) for rule in rules), evidence)


def evidence_of(version: ModelVersion) -> ModelEvaluation | None:
    """Answer the newest evaluation on a test split: on the version's own dataset where there is one, else on another."""
    tested = (
        version.scorings.done()
        .filter(split=Split.TEST, method=EvaluationMethod.SPLIT)
        .select_related("dataset_version__dataset")
    )
    own = tested.filter(dataset_version=version.dataset_version_id).order_by("-pk").first()
    return own or tested.order_by("-pk").first()


def measured(scores: Mapping[str, Any], measure: str) -> float | None:
    """Answer one measure of an evaluation, None where it has none: what is no finite number measures nothing."""
    told = scores.get("calibration") if measure == "ece" else scores
    value = told.get(measure) if isinstance(told, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def classes_of(scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answer an evaluation's classes: `label`, `truths`, and precision, recall, f1 and ap50 where they were measured.

    A user's own trainer may have said anything; what is no number is None here.
    """
    told = scores.get("by_class")
    rows = [row for row in told if isinstance(row, Mapping)] if isinstance(told, list) else []
    return [
        {"label": str(row.get("label", ""))[:120], "truths": int(measured(row, "truths") or 0)}
        | {name: measured(row, name) for name in sorted(OF_CLASSES)}
        for row in rows[:MAX_CLASSES]
    ]


def words(rule: Mapping[str, Any]) -> str:
    """Say a rule."""
    facts = {"measure": rule["measure"].replace("_", " "), "value": f"{rule['value']:g}"}
    return {
        "at_least": _("%(measure)s at least %(value)s"),
        "at_most": _("%(measure)s at most %(value)s"),
        "each_class_at_least": _("%(measure)s of each class at least %(value)s"),
        "not_worse": _("%(measure)s at most %(value)s worse than the active version's"),
    }[rule["kind"]] % facts


def _checked(number: int, rule: Any) -> dict[str, Any]:
    name = f"rules.{number}"
    if not isinstance(rule, Mapping) or set(rule) != {"measure", "kind", "value"}:
        raise Invalid(f"Rule {number} must have a measure, a kind and a value.", errors={name: ["is malformed"]})
    kind, measure, value = rule["kind"], rule["measure"], rule["value"]
    if kind not in KINDS:
        raise Invalid(f"Rule {number}: the kind is one of {', '.join(KINDS)}.", errors={name: ["unknown kind"]})
    known = OF_CLASSES if kind == "each_class_at_least" else MEASURES
    if not isinstance(measure, str) or measure not in known:
        raise Invalid(f"Rule {number}: the measure is one of {', '.join(sorted(known))}.", errors={name: ["unknown measure"]})
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST:
        raise Invalid(f"Rule {number}: the value is a number from 0 to {MOST:,}.", errors={name: ["no such number"]})
    return {"measure": measure, "kind": kind, "value": value}


def _active_on(version: ModelVersion, evidence: ModelEvaluation | None) -> ModelEvaluation | str | None:
    """Answer how the active version does on the same split: its evaluation, why there is none, or None where nothing is active."""
    siblings = ModelVersion.objects.active().filter(
        module=version.module_id, organization=version.organization_id, user_id=version.user_id
    )
    active = siblings.exclude(pk=version.pk).first()
    if active is None or evidence is None:
        return None
    same = ModelEvaluation.objects.latest_on(evidence.dataset_version, evidence.split).filter(model_version=active).first()
    facts = {"active": active.version, "split": f"{evidence.dataset_version} ({evidence.split})"}
    return same or _("The active version %(active)s was not evaluated on %(split)s; evaluate it there.") % facts


def _verdict(
    rule: Mapping[str, Any], version: ModelVersion, evidence: ModelEvaluation | None, active: ModelEvaluation | str | None
) -> Verdict:
    if evidence is None:
        return Verdict(words(rule), _("It was not evaluated on a test split."), is_green=False)
    if rule["kind"] == "each_class_at_least":
        return _of_classes(rule, evidence.scores)
    value = measured(evidence.scores, rule["measure"])
    if value is None:
        return Verdict(words(rule), _("The evaluation did not measure it."), is_green=False)
    if rule["kind"] == "not_worse":
        return _beside(rule, value, active)
    is_green = value >= rule["value"] if rule["kind"] == "at_least" else value <= rule["value"]
    return Verdict(words(rule), f"{value:.4g}", is_green)


def _of_classes(rule: Mapping[str, Any], scores: Mapping[str, Any]) -> Verdict:
    rows = [
        (row[rule["measure"]], row["label"]) for row in classes_of(scores) if row["truths"] and row[rule["measure"]] is not None
    ]
    if not rows:
        return Verdict(words(rule), _("The evaluation did not measure it."), is_green=False)
    value, label = min(rows)
    return Verdict(
        words(rule), _("%(value)s for %(label)s") % {"value": f"{value:.4g}", "label": label}, value >= rule["value"]
    )


def _beside(rule: Mapping[str, Any], value: float, active: ModelEvaluation | str | None) -> Verdict:
    if active is None:
        return Verdict(words(rule), _("%(value)s; no other version is active") % {"value": f"{value:.4g}"}, is_green=True)
    other = active if isinstance(active, str) else measured(active.scores, rule["measure"])
    if other is None or isinstance(other, str):
        return Verdict(words(rule), other or _("The active version's evaluation did not measure it."), is_green=False)
    worse = value - other if rule["measure"] in LESS_IS_BETTER else other - value
    facts = {"value": f"{value:.4g}", "other": f"{other:.4g}"}
    return Verdict(words(rule), _("%(value)s beside %(other)s") % facts, worse <= rule["value"] + 1e-12)
