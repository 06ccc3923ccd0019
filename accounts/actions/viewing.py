"""Counting the pictures that people are shown: a row a picture would be a commit a key press, so they are gathered by person and day."""

from collections import Counter
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from accounts.models import ImageViews
from core.gathering import Gathering

KEPT_FOR = timedelta(days=400)
AT_ONCE = 1_000


class Views(Gathering[Counter[tuple[int, date]]]):
    """The pictures shown since the last writing, by person and day."""

    name, every = "image-views", 2.0

    def empty(self) -> Counter[tuple[int, date]]:
        return Counter()

    def note(self, user: int, n: int) -> None:
        """Remember that a person was shown `n` pictures just now."""
        with self.adding() as counts:
            counts[user, timezone.now().date()] += n

    def keep(self, pile: Counter[tuple[int, date]]) -> int:
        """Write one row for each person and day, in one statement; answers how many pictures."""
        ImageViews.objects.bulk_create(ImageViews(user_id=user, day=day, n=n) for (user, day), n in sorted(pile.items()))
        return pile.total()


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
