"""Verbs that keep the counts of how well is judged and predicted, stretch by stretch of judgements."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core import bulk
from core.queue import enqueue
from learning import tallies
from learning.actions.settling import truth_of
from learning.annotation import Rules
from learning.models import (
    AiModule,
    HitlLabel,
    LabelStatus,
    QualityCount,
    QualityMeasure,
    QualityStretch,
    ReviewSlot,
    SampleState,
    SlotKind,
    SlotState,
)
from learning.models.quality import STRETCH
from learning.models.review import CheckOutcome
from learning.tallies import Cut, Judgement, Tally

NEWEST, OLDEST, MOST = 2, 2, 40
"""How many stretches a round looks at: the newest, those that waited longest, and at most so many that are known to be due."""
LATE = timedelta(minutes=10)
"""So long after it was made a judgement may still be on its way into the table."""


def refresh() -> int:
    """Count the stretches that are due; answers how many.

    Due is what was never counted or was found out of date, the newest where something was judged since, and a few of the
    others in turn, for what changed without a new judgement (a decision undone, a truth taken away).
    """
    due = _due()
    for number in due:
        refresh_stretch(number)
    return len(due)


@transaction.atomic
def rebuild(*, by: User) -> int:
    """Let all stretches be counted again, a few in each round; what pages show stays until then. Answers how many."""
    require(by, Permission.ADJUDICATE)
    stretches = QualityStretch.objects.filter(counted_at__isnull=False)
    due = stretches.update(counted_at=None)
    newest = QualityStretch.objects.order_by("-number").first()
    if newest is not None:
        record(by, "rebuild", newest, stretches=due)
    enqueue("learning.tasks.count_quality")
    return due


@transaction.atomic
def refresh_stretch(number: int) -> None:
    """Replace the counts of one stretch; a second worker waits, and counts it again."""
    QualityStretch.objects.get_or_create(number=number)
    stretch = QualityStretch.objects.select_for_update().get(number=number)
    began = timezone.now()
    first, behind = number * STRETCH, (number + 1) * STRETCH
    here = _read(HitlLabel.objects.filter(pk__gte=first, pk__lt=behind))
    samples = {each.sample for each in here if not each.is_gold}
    elsewhere = _read(HitlLabel.objects.filter(Q(pk__lt=first) | Q(pk__gte=behind), sample__in=samples), samples)
    _mark_outdated(elsewhere, here, before=first)
    tally = _counted(here, elsewhere)
    _count_checks(tally, ReviewSlot.objects.filter(about__gte=first, about__lt=behind))
    stretch.counts.all().delete()
    table = bulk.Table(QualityCount)
    for cut, (n, hits, amount) in tally.rows.items():
        facts = cut._asdict()
        keys = {f"{name}_id": facts.pop(name) for name in ("module", "person", "other", "city")}
        table.add(stretch_id=stretch.pk, n=int(n), hits=int(hits), amount=amount, **facts, **keys)
    table.write()
    QualityStretch.objects.filter(pk=stretch.pk).update(counted_at=began)


def _due() -> list[int]:
    newest = HitlLabel.objects.order_by("-pk").values_list("pk", "created_at").first()
    if newest is None:
        return []
    last, made_at = newest[0] // STRETCH, newest[1]
    known: dict[int, datetime | None] = dict(QualityStretch.objects.values_list("number", "counted_at"))
    recent = [number for number in range(last, max(-1, last - NEWEST), -1) if _is_behind(known.get(number), made_at)]
    unknown = [number for number in range(last, -1, -1) if known.get(number) is None and number not in recent][:MOST]
    waiting = sorted((at, number) for number, at in known.items() if at is not None and number not in recent)
    return [*recent, *unknown, *(number for _, number in waiting[:OLDEST])]


def _is_behind(counted_at: datetime | None, newest: datetime) -> bool:
    return counted_at is None or newest > counted_at - LATE


def _counted(here: Collection[Judgement], elsewhere: Collection[Judgement]) -> Tally:
    """Count the stretch: each judgement for itself, each sample with all its judgements where the last of them is."""
    tally, rules = Tally(), _rules({each.module for each in here})
    of_sample: dict[int, list[Judgement]] = {}
    for each in here:
        if each.module in rules:
            tallies.count(tally, each, *rules[each.module])
            if not each.is_gold:
                of_sample.setdefault(each.sample, []).append(each)
    last_here = {sample: max(each.key for each in said) for sample, said in of_sample.items()}
    for each in elsewhere:
        if each.sample in of_sample and not each.is_gold:  # or nobody would count what was gold later
            of_sample[each.sample].append(each)
    for sample, said in of_sample.items():
        if max(each.key for each in said) == last_here[sample]:
            tallies.count_sample(tally, said, *rules[said[0].module])
    return tally


def _count_checks(tally: Tally, slots: Any) -> None:
    """Count for each person how often they were checked, how often that did not stand, and what they got back."""
    checks = slots.filter(kind=SlotKind.CHECK, state=SlotState.DONE).exclude(outcome="")
    for module, person, at, outcome in checks.values_list("module", "about__annotator", "about__labeled_at", "outcome"):
        cut = Cut(QualityMeasure.CHECKED, module, monday(at), person=person)
        tally.add(cut, hits=int(outcome != CheckOutcome.ACCEPTED))
        if outcome == CheckOutcome.RETURNED:
            tally.add(cut._replace(measure=QualityMeasure.RETURNED))


def _mark_outdated(elsewhere: Collection[Judgement], here: Collection[Judgement], *, before: int) -> None:
    """Let earlier stretches be counted again whose samples were judged here since they were counted."""
    judged_here: dict[int, int] = {}
    for each in here:
        judged_here[each.sample] = max(each.key, judged_here.get(each.sample, 0))
    newest: dict[int, int] = {}
    for each in elsewhere:
        if each.key < before:
            number = each.key // STRETCH
            newest[number] = max(newest.get(number, 0), judged_here.get(each.sample, 0))
    made_at = dict(HitlLabel.objects.filter(pk__in=set(newest.values())).values_list("pk", "created_at"))
    for number, key in newest.items():
        if key in made_at:
            QualityStretch.objects.filter(number=number, counted_at__lte=made_at[key] + LATE).update(counted_at=None)


def _rules(modules: Collection[int]) -> dict[int, tuple[Rules, float]]:
    """Answer the rules of modules that have a schema, and from which overlap on two boxes are the same there."""
    found = AiModule.objects.filter(pk__in=modules).annotate(newest=Max("schemas__revision")).filter(newest__isnull=False)
    return {module.pk: (Rules.of(module.schema), module.policy.iou) for module in found}


READ = (
    "pk",
    "sample",
    "sample__module",
    "city",
    "annotator",
    "labeled_at",
    "label_status",
    "prediction",
    "correction",
    "review_time_seconds",
    "slot__kind",
    "dispute_resolution",
    "label_source",
    "gold_showing__is_right",
    "sample__predicted_by",
    "sample__state",
    "sample__truth",
)


def _read(labels: Any, samples: Collection[int] = (0,)) -> list[Judgement]:
    """Read the standing judgements among `labels`, in order."""
    if not samples:
        return []
    replaced = HitlLabel.objects.filter(supersedes=OuterRef("pk"))
    standing = labels.filter(~Exists(replaced), withdrawn_at__isnull=True)
    return [_judgement(dict(zip(READ, row, strict=True))) for row in standing.order_by("pk").values_list(*READ)]


def _judgement(row: dict[str, Any]) -> Judgement:
    said = HitlLabel(label_status=row["label_status"], prediction=row["prediction"], correction=row["correction"])
    return Judgement(
        key=row["pk"],
        sample=row["sample"],
        module=row["sample__module"],
        city=row["city"],
        person=row["annotator"],
        week=monday(row["labeled_at"]),
        status=row["label_status"],
        value=truth_of(said) if row["label_status"] != LabelStatus.UNSURE else None,
        seconds=row["review_time_seconds"],
        kind=row["slot__kind"] or ("senior" if row["dispute_resolution"] else ""),
        source=row["label_source"],
        is_right=bool(row["gold_showing__is_right"]),
        prediction=row["prediction"],
        predicted_by=row["sample__predicted_by"],
        truth=row["sample__truth"] if row["sample__state"] == SampleState.SETTLED else None,
    )


def monday(moment: datetime) -> date:
    """Answer the day on which a moment's week began (UTC)."""
    day = moment.date()
    return day - timedelta(days=day.weekday())
