"""How many pictures each person was shown, day by day: for whoever watches over privacy."""

from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Sum


class ImageViewsQuerySet(models.QuerySet["ImageViews"]):
    """Parts of counts, and their sums."""

    def by_day(self, since: date) -> Any:
        """Answer (day, name of the person, number) since a day, the newest day first and in it who was shown most."""
        rows = self.filter(day__gte=since).order_by().values_list("day", "user__name")
        return rows.annotate(shown=Sum("n")).order_by("-day", "-shown", "user__name")


class ImageViews(models.Model):
    """A part of the pictures that one person was shown on one day (UTC); a task makes one row of a day's parts."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="image_views", db_index=False)
    day = models.DateField()
    n = models.PositiveIntegerField()

    objects = ImageViewsQuerySet.as_manager()

    class Meta:
        db_table = "image_views"
        verbose_name = "pictures shown"
        verbose_name_plural = "pictures shown"
        indexes = [models.Index(fields=["day", "user"], name="image_views_of_day")]

    def __str__(self) -> str:
        return f"{self.n} to {self.user_id} on {self.day}"
