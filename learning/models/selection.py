"""Samples that somebody chose, by hand or by filters, and what shall be done with all of them."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.ids import new_id
from core.lifecycle import Lifecycle

if TYPE_CHECKING:
    from accounts.models import User

DRAFT_FOR = timedelta(days=1)
"""How long a selection that nobody confirmed is kept."""
RESUMABLE_FOR = timedelta(days=7)
"""How long one that failed may be started again; then what was searched as text is forgotten."""


class SelectionState(models.TextChoices):
    """Where an act over many samples stands."""

    DRAFT = "draft"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SelectionQuerySet(models.QuerySet["Selection"]):
    """Selections: whose they are, and which wait for a worker."""

    def visible_to(self, user: "User") -> "SelectionQuerySet":
        """One's own only: a selection may hold what one searched for."""
        return self.filter(owner=user)

    def uncounted(self) -> "SelectionQuerySet":
        """Narrow to drafts whose size nobody knows yet."""
        return self.filter(state=SelectionState.DRAFT, total__isnull=True)

    def running(self) -> "SelectionQuerySet":
        """Those that a worker carries out, or should."""
        return self.filter(state=SelectionState.RUNNING)

    def stale(self) -> "SelectionQuerySet":
        """Those that failed too long ago to be started again."""
        return self.filter(state=SelectionState.FAILED, finished_at__lt=timezone.now() - RESUMABLE_FOR, is_forgotten=False)

    def forgotten(self) -> "SelectionQuerySet":
        """Drafts that nobody confirmed in time."""
        return self.filter(state=SelectionState.DRAFT, created_at__lt=timezone.now() - DRAFT_FOR)


class Selection(Lifecycle):
    """An act over samples: `keys` where they were ticked, else all that `query` (the page's filters) finds up to `newest`.

    `last_key` is how far it came: it moves in the transaction of each chunk, so that nothing is done twice. `faults` counts
    how often the chunk behind it broke off. What was searched as text `is_forgotten` once it is over and cannot be resumed.
    """

    MOVES = {
        SelectionState.DRAFT: frozenset({SelectionState.RUNNING, SelectionState.CANCELLED}),
        SelectionState.RUNNING: frozenset({SelectionState.DONE, SelectionState.FAILED, SelectionState.CANCELLED}),
        SelectionState.DONE: frozenset(),
        SelectionState.FAILED: frozenset({SelectionState.RUNNING}),
        SelectionState.CANCELLED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    act = models.CharField(max_length=40)
    query = models.JSONField(default=dict)
    keys = models.JSONField(null=True)
    newest = models.BigIntegerField()
    total = models.PositiveIntegerField(null=True)
    facts = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=SelectionState, default=SelectionState.DRAFT)
    last_key = models.BigIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    skipped = models.JSONField(default=dict)
    error = models.CharField(max_length=500, blank=True)
    faults = models.PositiveSmallIntegerField(default=0)
    is_forgotten = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = SelectionQuerySet.as_manager()

    class Meta:
        db_table = "selections"
        verbose_name = "selection"
        indexes = [
            models.Index(fields=["created_at"], condition=models.Q(state__in=["draft", "running"]), name="selection_waiting")
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=SelectionState.values), name="selection_state_known")
        ]

    def __str__(self) -> str:
        return f"{self.act} over a selection"

    @property
    def is_resumable(self) -> bool:
        """Tell whether it failed so lately that its person may start it again."""
        is_late = self.finished_at is not None and self.finished_at < timezone.now() - RESUMABLE_FOR
        return self.state == SelectionState.FAILED and not is_late and not self.is_forgotten

    @property
    def percent(self) -> int:
        """How far it came, in hundredths of what it holds."""
        return 100 if self.state == SelectionState.DONE else min(99, self.seen * 100 // max(1, self.total or 0))
