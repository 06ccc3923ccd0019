"""What pages show of an evaluation: figures in words, classes, calibration, who was taken for whom, and suspected labels."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from learning.models import LearningSample
from learning.thumbnails import thumbnail_url
from training.gate import classes_of, measured
from training.models import EvaluationMethod, ModelEvaluation, ModelVersion

COUNTED = frozenset({"examples"})
MOST_CONFUSED = 12
DRAWN = 12
MOST_BINS, LONGEST_LABEL = 100, 120


def named(measure: str) -> str:
    """Answer what people call a measure."""
    words = {
        "ece": _("Calibration error"),
        "f1": "F1",
        "map50": _("mAP at overlap 0.5"),
        "map": _("mAP at 0.5 to 0.95"),
        "exact_match": _("Read without a fault"),
        "inference_time_ms": _("Time per answer"),
    }
    return words.get(measure) or measure.replace("_", " ").capitalize()


def said(value: float | None, measure: str) -> str:
    """Say a measure as people read it."""
    if value is None:
        return "–"
    if measure in COUNTED:
        return f"{value:,.0f}"
    if measure == "inference_time_ms":
        return f"{value:.2f} ms"
    return f"{value * 100:.1f} %".replace(".0 %", " %")


def shown_scores(evidence: ModelEvaluation | None) -> dict[str, Any]:
    """Answer the parts of a page about one evaluation."""
    if evidence is None:
        return {}
    scores = evidence.scores
    classes = classes_of(scores)
    return {
        "evidence": evidence,
        "classes": sorted(classes, key=lambda row: row["f1"] or 0.0),
        "has_average": any(row["ap50"] is not None for row in classes),
        "extra": [
            (words, said(value, name))
            for name, words in (
                ("exact_match", _("Read without a fault")),
                ("character_error_rate", _("Character error rate")),
                ("map50", _("mAP at overlap 0.5")),
                ("map", _("mAP at 0.5 to 0.95")),
            )
            if (value := measured(scores, name)) is not None
        ],
        "calibration": _calibration(scores.get("calibration")),
        "confused": _confused(scores.get("confusion")),
    }


def suspected(version: ModelVersion, user: User) -> dict[str, Any]:
    """Answer the labels that scoring out of fold suspects, the most doubted first; {} where that was not done."""
    folds = version.scorings.done().filter(method=EvaluationMethod.FOLDS).order_by("-pk").first()
    if folds is None:
        return {}
    rows = folds.outcomes.suspected().filter(sample__in=LearningSample.objects.visible_to(user))
    drawn = rows.select_related("sample__city", "sample__object__thumbnail")[:DRAWN]
    return {
        "folds": folds,
        "suspected_count": rows.count(),
        "suspects": [{"row": row, "sample": row.sample, "url": thumbnail_url(row.sample, user)} for row in drawn],
    }


def _calibration(told: Any) -> dict[str, Any] | None:
    """Answer what is drawn of calibration; a bin that is none, of a user's own trainer, is left out."""
    if not isinstance(told, Mapping):
        return None
    rows = told.get("bins")
    bins = [found for row in (rows if isinstance(rows, list) else [])[:MOST_BINS] if (found := _bin(row))]
    if not bins:
        return None
    return {
        "error": said(measured({"calibration": told}, "ece"), "ece"),
        "bins": bins,
        "lines": {
            _("right"): [(row["confidence"] * 100, row["accuracy"] * 100) for row in bins],
            _("as claimed"): [(0, 0), (100, 100)],
        },
    }


def _bin(row: Any) -> dict[str, float] | None:
    if not isinstance(row, Mapping):
        return None
    values = {name: measured(row, name) for name in ("from", "to", "n", "confidence", "accuracy")}
    known = {name: value for name, value in values.items() if value is not None}
    is_whole = len(known) == len(values) and all(0 <= known[name] <= 1 for name in ("confidence", "accuracy"))
    return {**known, "n": max(0, int(known["n"]))} if is_whole else None


def _confused(told: Any) -> list[dict[str, Any]]:
    """Answer which label was taken for which other one, the most frequent first; what is no table of counts has none."""
    labels, rows = (told.get("labels"), told.get("rows")) if isinstance(told, Mapping) else (None, None)
    if not isinstance(labels, list) or not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return []
    names = [str(label)[:LONGEST_LABEL] for label in labels]
    pairs: list[dict[str, Any]] = []
    for truth, counts in zip(names, rows, strict=False):
        whole = [count if isinstance(count, int) and count > 0 else 0 for count in counts]
        total = max(1, sum(whole))
        pairs += [
            {"truth": truth, "said": name, "n": count, "share": count / total}
            for name, count in zip(names, whole, strict=False)
            if count and name != truth
        ]
    return sorted(pairs, key=lambda pair: -pair["n"])[:MOST_CONFUSED]
