"""The review queue: one row per judgement that is needed."""

from collections.abc import Iterable
from typing import Any, Self

from django.conf import settings
from django.db import models

from core.lifecycle import Lifecycle
from learning.models.label import HitlLabel
from learning.models.module import AiModule
from learning.models.sample import LearningSample


class SlotKind(models.TextChoices):
    """What kind of judgement is needed."""

    NORMAL = "normal"
    CHECK = "check"
    GOLD = "gold"
    REWORK = "rework"
    SENIOR = "senior"


QUEUES = {
    SlotKind.NORMAL: "judge",
    SlotKind.GOLD: "judge",
    SlotKind.CHECK: "check",
    SlotKind.SENIOR: "dispute",
    SlotKind.REWORK: "returned",
}
"""In which queue a slot of a kind waits: gold is never recognisable, so it waits among the normal ones."""


HAND = 3
"""How many samples of one queue a person holds at most: the one on the screen, and what is fetched ahead."""
TILES = 48
"""How many samples a person holds at most on the grid page, beside their hand; their places are those behind the hand's."""


PUT_FIRST = 2_000_000_000
"""The priority of what somebody put before everything else; no rule of order gives or takes it."""


def queue_key(module: int, queue: str) -> str:
    """Answer the key under which a module's slots of a queue are claimed."""
    return f"{module}:{queue}"


def spelled(people: Iterable[int]) -> str:
    """Answer ids as judged_by spells them."""
    return ",".join(map(str, sorted(set(people))))


class SlotState(models.TextChoices):
    """Whether a slot waits, is being worked on, or is over."""

    HELD = "held"
    OPEN = "open"
    LEASED = "leased"
    DONE = "done"
    VOID = "void"


class CheckOutcome(models.TextChoices):
    """What a reviewer found when they checked somebody's judgement."""

    ACCEPTED = "accepted"
    FIXED = "fixed"
    RETURNED = "returned"


class ReviewSlot(Lifecycle):
    """A needed judgement; `judged_by` is the sorted ids of who judged the sample before, as "3,17" (empty: nobody).

    An expired lease is free by the claim's own WHERE clause; nothing has to run for that. `place` is which of the HAND
    places a leased slot has in its person's hand, or behind them on their grid, and stays when it is done; one that is
    `in_full` is never on a grid. `skipped_by` (",3,17,") are those who would rather have others. A check is `about` the
    judgement it looks at, and has an outcome; so is a rework about the judgement that was returned, with why.
    """

    MOVES = {
        SlotState.HELD: frozenset({SlotState.OPEN, SlotState.VOID}),
        SlotState.OPEN: frozenset({SlotState.LEASED, SlotState.VOID}),
        SlotState.LEASED: frozenset({SlotState.OPEN, SlotState.DONE, SlotState.VOID}),
        SlotState.DONE: frozenset({SlotState.LEASED, SlotState.VOID}),
        SlotState.VOID: frozenset(),
    }

    id = models.BigAutoField(primary_key=True)
    sample = models.ForeignKey(LearningSample, on_delete=models.PROTECT, related_name="slots", db_index=False)
    slot_no = models.PositiveSmallIntegerField()
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+", db_index=False)
    queue_key = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=SlotKind, default=SlotKind.NORMAL)
    judged_by = models.CharField(max_length=200, blank=True, default="")
    only_user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    priority = models.IntegerField(default=0)
    state = models.CharField(max_length=8, choices=SlotState, default=SlotState.OPEN)
    lease_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    lease_until = models.DateTimeField(null=True)
    leased_at = models.DateTimeField(null=True)
    label = models.OneToOneField(HitlLabel, on_delete=models.PROTECT, null=True, related_name="slot")
    place = models.PositiveSmallIntegerField(default=1)
    in_full = models.BooleanField(default=False)
    skipped_by = models.CharField(max_length=200, blank=True, default="")
    about = models.ForeignKey(HitlLabel, on_delete=models.PROTECT, null=True, related_name="checks", db_index=False)
    outcome = models.CharField(max_length=10, choices=CheckOutcome, blank=True, default="")
    reason = models.CharField(max_length=60, blank=True, default="")
    note = models.CharField(max_length=500, blank=True, default="")
    policy_version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "review_slots"
        verbose_name = "slot"
        indexes = [
            models.Index(
                models.F("queue_key"),
                models.F("judged_by"),
                models.F("priority").desc(),
                models.F("id"),
                condition=models.Q(state__in=[SlotState.OPEN, SlotState.LEASED]),
                name="slot_claim",
            ),
            models.Index(
                fields=["module", "lease_user", "kind"], condition=models.Q(state=SlotState.DONE), name="slot_done_by"
            ),
            # since when the oldest of a queue waits, which home asks for
            models.Index(
                fields=["queue_key", "created_at"],
                condition=models.Q(state__in=[SlotState.OPEN, SlotState.LEASED]),
                name="slot_waiting",
            ),
            models.Index(fields=["about"], condition=models.Q(about__isnull=False), name="slot_about"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["sample", "slot_no"], name="slot_number_once"),
            models.UniqueConstraint(
                fields=["sample", "lease_user"],
                condition=models.Q(state__in=[SlotState.LEASED, SlotState.DONE], kind__in=[SlotKind.NORMAL, SlotKind.GOLD]),
                name="slot_one_judgement_per_person",
            ),
            models.UniqueConstraint(
                fields=["lease_user", "queue_key", "place"], condition=models.Q(state=SlotState.LEASED), name="slot_held"
            ),
            models.CheckConstraint(condition=models.Q(place__gte=1, place__lte=HAND + TILES), name="slot_place_held"),
            models.CheckConstraint(
                condition=models.Q(outcome="") | models.Q(kind=SlotKind.CHECK, outcome__in=CheckOutcome.values),
                name="slot_outcome_of_a_check",
            ),
            models.CheckConstraint(condition=models.Q(state__in=SlotState.values), name="slot_state_known"),
            models.CheckConstraint(
                condition=~models.Q(state=SlotState.LEASED) | models.Q(lease_user__isnull=False, lease_until__isnull=False),
                name="slot_lease_has_a_person",
            ),
        ]

    def __str__(self) -> str:
        return f"slot {self.slot_no} of {self.sample_id}"

    @property
    def is_on_grid(self) -> bool:
        """Tell whether this slot was leased for the grid page the last time."""
        return self.place > HAND

    @classmethod
    def opened(
        cls, sample: LearningSample, *, kind: str = SlotKind.NORMAL, slot_no: int = 1, judges: Iterable[int] = (), **more: Any
    ) -> Self:
        """Make an open slot, not saved; `judges` are the ids of who judged the sample before."""
        return cls(
            sample=sample,
            slot_no=slot_no,
            module_id=sample.module_id,
            queue_key=queue_key(sample.module_id, QUEUES[SlotKind(kind)]),
            kind=kind,
            judged_by=spelled(judges),
            priority=sample.priority,
            policy_version=sample.module.policy_version,
            **more,
        )
