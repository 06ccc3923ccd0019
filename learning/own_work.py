"""What a person who judges sees of their own work: figures, what came back, how doubtful answers ended, the last decisions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.models import User
from learning import quality_figures as figures
from learning.desk import outcome
from learning.models import AiModule, HitlLabel, QualityCount, ReviewSlot, SampleState, SlotKind, SlotState
from learning.models.label import LabelStatus
from learning.proportion import Proportion
from learning.quality_figures import PersonWeek

LAST = 50
LOOKED_AT, LOOKED_AT_ONCE = 400, 1_000
ENDED = 20
WEEKS = 8
DAYS = 92


@dataclass(frozen=True)
class Figures:
    """How much and how well somebody judged lately; `seconds` is the median of the week, of time that was spent on it."""

    today: int
    week: int
    seconds: float | None
    gold: Proportion


def figures_of(user: User) -> Figures:
    """Answer the figures of today and of this week; those of the week are as old as the last count, some minutes."""
    weeks = weeks_of(user, weeks=1)
    judged = sum(week.judged for week in weeks)
    gold = Proportion(sum(week.gold.hits for week in weeks), sum(week.gold.n for week in weeks))
    today = decided_today(user)
    return Figures(today, max(judged, today), weeks[0].seconds if weeks else None, gold)


def weeks_of(user: User, *, weeks: int = WEEKS) -> list[PersonWeek]:
    """Answer the own weeks over all modules, the newest first."""
    monday = timezone.now().date() - timedelta(days=timezone.now().weekday())
    since = monday - timedelta(weeks=weeks - 1)
    return figures.by_person(QualityCount.objects.filter(person=user, week__gte=since))


def decided_today(user: User) -> int:
    """Count the judgements of `user` since midnight (UTC): backwards from the newest, for their index goes by number, not by time."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    replaced = Exists(HitlLabel.objects.filter(supersedes=OuterRef("pk")))
    own = HitlLabel.objects.filter(annotator=user).order_by("-id").annotate(is_replaced=replaced)
    of_today = Q(created_at__gte=midnight, withdrawn_at=None, is_replaced=False)
    looked, count = own, 0
    while True:
        told = looked[:LOOKED_AT_ONCE].aggregate(
            n=Count("pk", filter=of_today), least=Min("pk"), oldest=Min("created_at"), of=Count("pk")
        )
        count += int(told["n"])
        if told["of"] < LOOKED_AT_ONCE or told["oldest"] < midnight:
            return count
        looked = own.filter(pk__lt=told["least"])


def returned_to(user: User) -> QuerySet[ReviewSlot]:
    """Select what came back to `user` and waits for them."""
    return ReviewSlot.objects.filter(only_user=user, kind=SlotKind.REWORK, state__in=[SlotState.OPEN, SlotState.LEASED])


@dataclass(frozen=True)
class Decided:
    """A decision and what became of its sample since."""

    label: HitlLabel
    module: AiModule
    outcome: SampleState


def last_decisions(user: User) -> list[Decided]:
    """Answer the newest decisions of `user`."""
    rows = HitlLabel.objects.filter(annotator=user, withdrawn_at__isnull=True)
    return _decided(rows.order_by("-id")[:LAST])


def ended(user: User) -> list[Decided]:
    """Answer those of the newest decisions that were unsure or disputed, and how they ended."""
    newest = HitlLabel.objects.filter(annotator=user, withdrawn_at__isnull=True).order_by("-id")[:LOOKED_AT]
    doubtful = Q(label_status=LabelStatus.UNSURE) | Q(is_disputed=True)
    rows = HitlLabel.objects.filter(doubtful, pk__in=list(newest.values_list("pk", flat=True)))
    return _decided(rows.order_by("-id")[:ENDED])


def _decided(rows: QuerySet[HitlLabel]) -> list[Decided]:
    labels = rows.select_related("sample__module", "slot")
    return [Decided(label, label.sample.module, outcome(label, label.sample.module.policy)) for label in labels]


HEAD = ("day", "module", "judged", "active_seconds")


def table(user: User, *, until: date | None = None) -> Iterator[Sequence[Any]]:
    """Yield the own days of the last three months as rows of a table: how many were judged, and the time spent on them.

    Time in which the page was hidden or idle was never counted.
    """
    yield HEAD
    since = timezone.now() - timedelta(days=DAYS)
    rows = HitlLabel.objects.standing().filter(annotator=user, created_at__gte=since)
    days = rows.annotate(day=TruncDate("created_at")).order_by().values_list("day", "sample__module__slug")
    for day, module, judged, seconds in sorted(days.annotate(Count("pk"), Sum("review_time_seconds"))):
        yield day.isoformat(), module, judged, round(seconds or 0)
