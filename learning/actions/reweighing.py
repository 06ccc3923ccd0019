"""What a changed policy makes of what waits: samples that need fewer judgements are settled, disputes may go to others."""

from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet

from accounts.actions.event import record
from learning.actions import checking
from learning.actions.counting import dispute
from learning.actions.settling import SETTLED_FIELDS, Verdict, announce, apply
from learning.actions.slots import WAITING, needed
from learning.actions.weighing import DISPUTED, weigh
from learning.annotation import Rules
from learning.models import Adjudicators, AiModule, HitlLabel, LearningSample, ReviewSlot, SampleState, SlotState
from learning.models.label import LabelSource
from learning.models.review import queue_key, spelled

CHUNK = 200


def weigh_module(module_id: int) -> int:
    """Weigh anew what was judged already and waits for more, chunk by chunk; answers how many samples were changed.

    May be stopped anywhere and run again: what it did not come to is settled by its next decision. Disputes that wait are
    for whom the policy says now.
    """
    _assign_disputes(module_id)
    changed = last = 0
    while True:
        with transaction.atomic():
            slots = _judged_and_waiting(module_id, last)
            if not slots:
                return changed
            last = slots[-1][0]
            changed += _weigh_chunk(AiModule.objects.get(pk=module_id), [sample for _, sample in slots])


def _assign_disputes(module_id: int) -> None:
    """Tell the disputes that wait who is not to settle them: those who judged the sample, or nobody where any reviewer may."""
    last = 0
    while True:
        with transaction.atomic():
            is_any = AiModule.objects.get(pk=module_id).policy.adjudicators == Adjudicators.ANY
            rows = ReviewSlot.objects.filter(queue_key=queue_key(module_id, "dispute"), state__in=WAITING, id__gt=last)
            rows = rows.exclude(judged_by="") if is_any else rows.filter(judged_by="")
            slots = list(rows.order_by("id").values_list("id", "sample_id")[:CHUNK])
            if not slots:
                return
            last, keys = slots[-1][0], [sample for _, sample in slots]
            list(LearningSample.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("id").values_list("pk"))
            waiting = ReviewSlot.objects.filter(pk__in=[slot for slot, _ in slots], state__in=WAITING)
            if is_any:
                waiting.update(judged_by="")
            else:
                _spell_judges(waiting, keys)


def _spell_judges(waiting: QuerySet[ReviewSlot], samples: Sequence[int]) -> None:
    judges: dict[int, list[int]] = defaultdict(list)
    said = HitlLabel.objects.standing().filter(sample__in=samples, label_source=LabelSource.REVIEW, annotator__isnull=False)
    for sample, annotator in said.values_list("sample_id", "annotator_id"):
        judges[sample].append(annotator)
    slots = list(waiting)
    for slot in slots:
        slot.judged_by = spelled(judges[slot.sample_id])
    ReviewSlot.objects.bulk_update(slots, ["judged_by"])


def _judged_and_waiting(module_id: int, after: int) -> list[tuple[int, int]]:
    """Answer the next slots, each with its sample, that wait for somebody else than those who judged already."""
    rows = ReviewSlot.objects.filter(queue_key=queue_key(module_id, "judge"), state__in=WAITING, judged_by__gt="", id__gt=after)
    return list(rows.order_by("id").values_list("id", "sample_id")[:CHUNK])


def _weigh_chunk(module: AiModule, keys: Sequence[int]) -> int:
    policy, rules = module.policy, Rules.of(module.schema)
    locked = LearningSample.objects.select_for_update(no_key=True).filter(pk__in=keys, state=SampleState.PENDING).order_by("id")
    judged: dict[int, list[HitlLabel]] = defaultdict(list)
    said = HitlLabel.objects.standing().filter(sample__in=keys, label_source=LabelSource.REVIEW)
    samples = list(locked)
    for label in said.select_related("annotator").order_by("id"):
        judged[label.sample_id].append(label)
    settled: list[tuple[LearningSample, Verdict]] = []
    disputes = 0
    for sample in samples:
        sample.module = module
        labels = judged[sample.pk]
        verdict = weigh(labels, needed(sample, policy), rules, policy.iou) if labels else None
        if verdict is DISPUTED:
            dispute(sample, policy, labels)
            disputes += 1
        elif verdict is not None:
            settled.append((sample, verdict))
    _settle(settled)
    for sample, _ in settled:
        checking.open_check(sample, policy, judged[sample.pk])
    if settled or disputes:
        record(None, "weigh", module, version=module.policy_version, settled=len(settled), disputed=disputes)
    return len(settled) + disputes


def _settle(verdicts: Sequence[tuple[LearningSample, Verdict]]) -> None:
    """Move locked samples, close what waits for them, and tell the apps above: each in one go."""
    samples = [sample for sample, _ in verdicts]
    changes = [apply(sample, verdict) for sample, verdict in verdicts]
    LearningSample.objects.bulk_update(samples, SETTLED_FIELDS)
    ReviewSlot.objects.filter(sample__in=[sample.pk for sample in samples], state__in=WAITING).update(state=SlotState.VOID)
    announce(changes)
