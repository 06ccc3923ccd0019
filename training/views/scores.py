"""What pages show of an evaluation: figures in words, classes, calibration, who was taken for whom, and suspected labels."""

from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from learning.models import LearningSample
from learning.thumbnails import thumbnail_url
from training.gate import classes_of
from training.models import EvaluationMethod, ModelEvaluation, ModelVersion

COUNTED = frozenset({"examples"})
MOST_CONFUSED = 12
DRAWN = 12


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
            (words, said(scores[name], name))
            for name, words in (
                ("exact_match", _("Read without a fault")),
                ("character_error_rate", _("Character error rate")),
                ("map50", _("mAP at overlap 0.5")),
                ("map", _("mAP at 0.5 to 0.95")),
            )
            if isinstance(scores.get(name), int | float)
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
    if not isinstance(told, dict) or not told.get("bins"):
        return None
    bins = told["bins"]
    return {
        "error": said(told.get("ece"), "ece"),
        "bins": bins,
        "lines": {
            _("right"): [(row["confidence"] * 100, row["accuracy"] * 100) for row in bins],
            _("as claimed"): [(0, 0), (100, 100)],
        },
    }


def _confused(told: Any) -> list[dict[str, Any]]:
    """Answer which label was taken for which other one, the most frequent first."""
    if not isinstance(told, dict):
        return []
    labels = told.get("labels") or []
    pairs = [
        {"truth": labels[row], "said": labels[column], "n": count, "share": count / max(1, sum(counts))}
        for row, counts in enumerate(told.get("rows") or [])
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return sorted(pairs, key=lambda pair: -pair["n"])[:MOST_CONFUSED]
