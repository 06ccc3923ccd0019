"""Counting the pictures that people are shown: kept in the memory of a web process, and written together every two seconds.

A row a picture would be a commit a key press. A process that is killed loses two seconds of such counts; nothing is decided by them.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import Count
from django.utils import timezone

from accounts.models import ImageViews

EVERY = 2.0
IDLE_ROUNDS = 15
KEPT_FOR = timedelta(days=400)
AT_ONCE = 1_000

logger = structlog.get_logger(__name__)


@dataclass
class Views:
    """The pictures shown since the last writing, by person and day."""

    counts: Counter[tuple[int, date]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_alive: bool = False

    def note(self, user: int, n: int) -> None:
        """Remember that a person was shown `n` pictures just now."""
        with self._lock:
            self.counts[user, timezone.now().date()] += n
            begins = settings.COUNT_VIEWS_BY_ITSELF and not self._is_alive
            self._is_alive = self._is_alive or begins
        if begins:
            threading.Thread(target=self._go_on, name="image-views", daemon=True).start()

    def write(self) -> int:
        """Write what was shown since the last time, in one statement; answers how many pictures."""
        with self._lock:
            counts, self.counts = self.counts, Counter()
        try:
            ImageViews.objects.bulk_create(ImageViews(user_id=user, day=day, n=n) for (user, day), n in sorted(counts.items()))
        except Error:
            with self._lock:
                self.counts += counts
            raise
        return counts.total()

    def _go_on(self) -> None:
        wait, idle = threading.Event(), 0
        try:
            while idle < IDLE_ROUNDS or self.counts:
                wait.wait(EVERY)
                try:
                    idle = 0 if self.write() else idle + 1
                except Error:
                    logger.warning("how many pictures were shown could not be written; it is tried again", exc_info=True)
                connection.close()  # a pool or the server may end it meanwhile
        finally:
            with self._lock:
                self._is_alive = False  # whatever ended it, the next picture begins another


VIEWS = Views()


def fold() -> int:
    """Make one row of each person's parts of the days that are over; answers how many days of people were folded."""
    today = timezone.now().date()
    parts = ImageViews.objects.filter(day__lt=today).order_by().values_list("day", "user")
    several = list(parts.annotate(parts=Count("id")).filter(parts__gt=1)[:AT_ONCE])
    for day, user, _ in several:
        _fold(day, user)
    return len(several)


def forget_old() -> int:
    """Forget what was shown over KEPT_FOR ago; answers how many rows."""
    return ImageViews.objects.filter(day__lt=timezone.now().date() - KEPT_FOR).delete()[0]


@transaction.atomic
def _fold(day: date, user: int) -> None:
    """Sum the parts under their lock: of two that fold at once the second finds one row."""
    first, *rest = ImageViews.objects.select_for_update().filter(day=day, user=user).order_by("id")
    if rest:
        ImageViews.objects.filter(pk=first.pk).update(n=first.n + sum(row.n for row in rest))
        ImageViews.objects.filter(pk__in=[row.pk for row in rest]).delete()
