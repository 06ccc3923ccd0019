"""What a decision means: its label status, its correction, and what several of them together make true.

Knows values and schemas, not the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import Invalid, Malformed
from learning import annotation
from learning.annotation import Rules, Size

DECISIONS = ("correct", "change", "nothing", "unsure", "reject", "skip", "return")
MAX_REASON = 60
MAX_NOTE = 500
MAX_SECONDS = 86_400.0


@dataclass(frozen=True)
class Judgement:
    """What a person said of a sample: label_status correct|changed|unsure, and the truth it states (None: none).

    `decision` is what they decided, in the words of one who saw the prediction.
    """

    label_status: str
    correction: dict[str, Any] | None
    truth: dict[str, Any] | None
    decision: str


def read_decision(
    decision: str,
    prediction: dict[str, Any] | None,
    correction: Any,
    reason: str,
    *,
    rules: Rules,
    reasons: Sequence[str],
    size: Size | None,
) -> Judgement:
    """Turn what was pressed into a judgement; raises Malformed and Invalid."""
    check_reason(decision, reason, reasons)
    if correction is not None and decision != "change":
        raise Malformed("A correction comes with the decision change only.")
    match decision:
        case "correct":
            if prediction is None:
                raise Malformed("There is no prediction that could be correct.", code="correct_without_prediction")
            return Judgement("correct", None, prediction, decision)
        case "change":
            if correction is None:
                raise Malformed("The decision change comes with its correction.", code="changed_without_correction")
            annotation.check(correction, rules, size=size)
            return Judgement("changed", correction, correction, decision)
        case "nothing":
            if prediction is not None and annotation.is_empty(prediction):
                return Judgement("correct", None, prediction, decision)
            nothing: dict[str, Any] = {"boxes": []} if prediction and "boxes" in prediction else {}
            return Judgement("changed", nothing, nothing, decision)
        case _:
            return Judgement("unsure", None, None, decision)


def read_blind(
    decision: str,
    prediction: dict[str, Any] | None,
    correction: Any,
    reason: str,
    *,
    rules: Rules,
    reasons: Sequence[str],
    size: Size | None,
    iou: float,
) -> Judgement:
    """Read the decision of who did not see the prediction: to say the same as it is to find it correct."""
    if decision == "correct":
        raise Malformed("The prediction is hidden here: say what you see.", code="prediction_hidden")
    said = read_decision(decision, prediction, correction, reason, rules=rules, reasons=reasons, size=size)
    if said.correction is not None and prediction is not None and annotation.agree(said.correction, prediction, rules, iou=iou):
        return Judgement("correct", None, prediction, "correct")
    return said


def check_seconds(seconds: Any) -> float | None:
    """Answer the review time in seconds; raises Invalid for what is none."""
    if seconds is None:
        return None
    if not annotation.is_number(seconds) or not 0 <= seconds <= MAX_SECONDS:
        raise Invalid(f"seconds must be a number from 0 to {MAX_SECONDS:.0f}.")
    return float(seconds)


def check_note(note: Any) -> str:
    """Answer a free note; raises Invalid for what is none."""
    if not isinstance(note, str) or len(note) > MAX_NOTE or "\0" in note:
        raise Invalid(f"A note is text of at most {MAX_NOTE} characters.", errors={"note": ["too long, or no text"]})
    return note.strip()


def majority(truths: Sequence[Mapping[str, Any]], needed: int, rules: Rules, *, iou: float = annotation.IOU) -> int | None:
    """Answer the index of the earliest answer that more than half of `needed` judgements agree with, or None."""
    for index, truth in enumerate(truths):
        agreeing = sum(annotation.agree(truth, other, rules, iou=iou) for other in truths)
        if agreeing * 2 > needed:
            return index
    return None


def check_reason(decision: str, reason: Any, reasons: Sequence[str]) -> None:
    """Raise Malformed for what is no decision, Invalid for a reason that does not go with it."""
    if decision not in DECISIONS:
        raise Malformed(f"A decision is one of {', '.join(DECISIONS)}.")
    if not isinstance(reason, str) or len(reason) > MAX_REASON or "\0" in reason:
        raise Invalid(f"A reason is text of at most {MAX_REASON} characters.")
    if decision == "reject" and not reason:
        raise Invalid("A sample is rejected with a reason.")
    if decision == "return" and not reason.strip():
        raise Invalid("Work is returned with a reason, so that its person knows what to do better.")
    if reason and decision in {"reject", "unsure"} and reasons and reason not in reasons:
        raise Invalid(f"The reason must be one of {', '.join(reasons)}.")
