"""What lies on an annotator's desk when the review page opens: the schema with its keys, the guide, the own last decisions."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from learning import shortcuts
from learning.models import AiModule, HitlLabel, LabelSchema, LearningSample, ReviewPolicy, ReviewSlot, SampleState, Task
from learning.models.label import LabelSource, LabelStatus
from learning.renaming import Renames
from learning.slot_handles import handle
from learning.thumbnails import WITH_PICTURES, thumbnail_url

RECENT, LOOKED_AT = 10, 50
EXAMPLES = 4
"""How many example pictures of a label the guide shows."""
REASONS_TO_REJECT = ["unreadable", "wrong_crop", "privacy", "duplicate"]
"""Offered where a module names no reasons of its own; a rejection needs one."""
REASONS_TO_RETURN = ["wrong_label", "wrong_text", "boxes_loose", "boxes_missing", "guide_not_followed"]
OUTCOMES = {
    SampleState.PENDING: _("waits for others"),
    SampleState.SETTLED: _("settled"),
    SampleState.DISPUTED: _("disputed"),
    SampleState.EXCLUDED: _("left out"),
}


def beginning(module: AiModule, schema: LabelSchema, user: User, kind: str) -> dict[str, Any]:
    """Answer what the page's script needs to begin, as it will be JSON."""
    taken = shortcuts.ANSWER_KEYS if kind == "dispute" else ""
    draws = module.task == Task.DETECTION or (module.task == Task.TEXT and bool(schema.names))
    labels = shortcuts.shown_keys(schema.labels, taken) if draws or module.task == Task.CLASSIFICATION else []
    attributes = [each for each in schema.attributes or [] if not each.get("retired")]
    return {
        "module": module.slug,
        "task": module.task,
        "kind": kind,
        "boxes": draws,
        "hides": module.policy.hide_prediction and kind not in {"dispute", "check"},
        "labels": labels,
        "names": vars(Renames.of(schema.labels, schema.attributes)),
        "finds": any(not label["key"] for label in labels),
        "attributes": [{"per": "sample", "values": [], "required": False, **each} for each in attributes],
        "text": schema.text or {},
        "reasons": {
            "unsure": schema.reasons_for("unsure"),
            "reject": schema.reasons_for("reject") or REASONS_TO_REJECT,
            "return": REASONS_TO_RETURN,
        },
        "api": "/api/v1/learning/review/",
        "person": user.pk,
        "recent": [_told(label, module) for label in _last_decisions(module, user)],
    }


def guide(schema: LabelSchema, labels: list[dict[str, Any]], user: User) -> list[dict[str, Any]]:
    """Answer the labels in use with what the guide says of each, its key, and thumbnails of its examples."""
    keys = {label["name"]: label["key"] for label in labels}
    used = [label for label in schema.labels if not label.get("retired")]
    wanted = {sample_id for label in used for sample_id in label.get("examples", ())[:EXAMPLES]}
    samples = LearningSample.objects.filter(sample_id__in=wanted).select_related(*WITH_PICTURES) if wanted else ()
    pictures = {sample.sample_id: thumbnail_url(sample, user) for sample in samples}
    return [
        {
            "name": label["name"],
            "color": label.get("color", ""),
            "key": keys.get(label["name"], ""),
            "text": label.get("guide", ""),
            "pictures": [pictures[each] for each in label.get("examples", ())[:EXAMPLES] if pictures.get(each)],
        }
        for label in used
    ]


def _last_decisions(module: AiModule, user: User) -> list[HitlLabel]:
    """Answer the own last standing judgements in this module, newest first; those of gold are among them like any other."""
    own = HitlLabel.objects.standing().filter(annotator=user, label_source__in=[LabelSource.REVIEW, LabelSource.GOLD])
    newest = own.select_related("sample", "slot").order_by("-id")[:LOOKED_AT]
    return [label for label in newest if label.sample.module_id == module.pk][:RECENT]


def outcome(label: HitlLabel, policy: ReviewPolicy) -> SampleState:
    """Answer what became of a decision's sample since; nobody can tell from it that a sample is gold."""
    if label.label_source == LabelSource.GOLD:  # its sample was settled long ago, which must not give it away
        return _would_become(label, getattr(label, "slot", None), policy)
    return SampleState(label.sample.state)


def _would_become(label: HitlLabel, slot: ReviewSlot | None, policy: ReviewPolicy) -> SampleState:
    """Say what a first judgement makes of a sample that is no gold: one of unsure leaves it out, or among several is a dispute."""
    name = label.sample.sample_id
    glanced = slot is not None and slot.is_on_grid and label.decision == "correct"
    needs_more = policy.needed(name) > 1 or (glanced and policy.wants_full_review(name))
    if label.label_status == LabelStatus.UNSURE:
        return SampleState.DISPUTED if needs_more else SampleState.EXCLUDED
    return SampleState.PENDING if needs_more else SampleState.SETTLED


def _told(label: HitlLabel, module: AiModule) -> dict[str, Any]:
    """Answer a decision, and what became of its sample since."""
    slot = getattr(label, "slot", None)
    state = outcome(label, module.policy)
    return {
        "slot": handle(slot.pk) if slot else None,
        "decision": label.decision,
        "prediction": label.prediction,
        "correction": label.correction,
        "reason": label.reason,
        "outcome": {"state": state, "word": str(OUTCOMES.get(state, ""))},
    }
