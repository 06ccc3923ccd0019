"""Counts of how well is judged and predicted, which pages read instead of judgements: per week, module, person, city, model.

The table of judgements is cut into stretches of keys, which are in the order of time; the counts of a stretch are computed anew
and replaced, never added to. A stretch is counted again when a judgement came into it, or to a sample it counted.
"""

from django.conf import settings
from django.db import models

from learning.models.city import City
from learning.models.module import AiModule

STRETCH = 10_000
"""How many keys of judgements one stretch covers."""
LONGEST = 120
"""How long a class or a character that is counted may be; what is longer is cut."""


class QualityMeasure(models.TextChoices):
    """What is counted; `said` and `meant` are classes, characters, or for `judged` how long it took."""

    JUDGED = "judged"  # n judgements of a person that took `said` seconds, of two digits
    PAIR = "pair"  # n times a person (or anybody of a city) said `said` where another said `meant`; hits: they agree in all
    IOU = "iou"  # n boxes that two people have in common, amount: the sum of their overlaps
    SAID = "said"  # n times a person said `said` where the truth is `meant`; hits: they agree in all
    SAID_CHARACTER = "said_char"  # n times a person wrote the character `said` for `meant`
    CHARACTERS = "characters"  # n characters of truths, hits: the errors of a person in them
    PREDICTED = "predicted"  # n times a model said `said` where the truth is `meant`
    PREDICTED_CHARACTER = "predicted_char"
    CORRECTED = "corrected"  # n judgements of a model's predictions in a city, hits: those that changed it
    CHECKED = "checked"  # n judgements of a person that were checked, hits: those that did not stand
    RETURNED = "returned"  # n judgements that a person got back
    GOLD = "gold"  # n judgements of gold samples by a person, hits: the right ones


class QualityStretch(models.Model):
    """The judgements from number × STRETCH on, and when they were counted last; null: they are to be counted again."""

    number = models.BigIntegerField(unique=True)
    counted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "quality_stretches"

    def __str__(self) -> str:
        return f"judgements {self.number}"


class QualityCount(models.Model):
    """How often something was so in a week (its Monday, UTC) of a module; person, city and model where it is theirs.

    Of a pair of judgements, `other` is who said what is meant.
    """

    id = models.BigAutoField(primary_key=True)
    stretch = models.ForeignKey(QualityStretch, on_delete=models.CASCADE, related_name="counts")
    module = models.ForeignKey(AiModule, on_delete=models.CASCADE, related_name="+", db_index=False)
    week = models.DateField()
    measure = models.CharField(max_length=14, choices=QualityMeasure)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    other = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    city = models.ForeignKey(City, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    model = models.CharField(max_length=LONGEST, blank=True)
    version = models.CharField(max_length=40, blank=True)
    said = models.CharField(max_length=LONGEST, blank=True)
    meant = models.CharField(max_length=LONGEST, blank=True)
    judges = models.PositiveSmallIntegerField(default=0)
    n = models.PositiveIntegerField()
    hits = models.PositiveIntegerField(default=0)
    amount = models.FloatField(default=0.0)

    class Meta:
        db_table = "quality_counts"
        indexes = [models.Index(fields=["module", "measure", "week"], name="quality_count_cut")]

    def __str__(self) -> str:
        return f"{self.n} {self.measure} in the week of {self.week}"
