"""Gold: samples whose answer is known, shown among the others to see how well a person judges; and who is paused for it."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from learning.models.label import HitlLabel
from learning.models.module import AiModule
from learning.models.sample import LearningSample

if TYPE_CHECKING:
    from accounts.models import User

MAX_REASON = 300


class GoldAnswerQuerySet(models.QuerySet["GoldAnswer"]):
    """Known answers, and which are in use."""

    def active(self) -> "GoldAnswerQuerySet":
        """Those that are shown."""
        return self.filter(retired_at__isnull=True)


class GoldAnswer(models.Model):
    """The known answer of a sample; `version` counts how often the sample became gold. What it was is never changed.

    `category` is its class in a few words. A sample that is gold enters no dataset version.
    """

    id = models.BigAutoField(primary_key=True)
    sample = models.ForeignKey(LearningSample, on_delete=models.PROTECT, related_name="golds", db_index=False)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.PositiveIntegerField(default=1)
    truth = models.JSONField()
    truth_sha256 = models.CharField(max_length=64)
    category = models.CharField(max_length=120, blank=True)
    showings = models.PositiveIntegerField(default=0)
    right_answers = models.PositiveIntegerField(default=0)
    promoted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    promoted_at = models.DateTimeField(auto_now_add=True)
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    retired_at = models.DateTimeField(null=True)
    retired_because = models.CharField(max_length=MAX_REASON, blank=True)

    objects = GoldAnswerQuerySet.as_manager()

    class Meta:
        db_table = "gold_answers"
        verbose_name = "gold answer"
        indexes = [
            models.Index(
                fields=["module", "showings", "id"], condition=models.Q(retired_at__isnull=True), name="gold_least_shown"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["sample", "version"], name="gold_version_once"),
            models.UniqueConstraint(
                fields=["sample"], condition=models.Q(retired_at__isnull=True), name="gold_one_answer_per_sample"
            ),
            models.CheckConstraint(
                condition=models.Q(right_answers__lte=models.F("showings")), name="gold_right_answers_were_shown"
            ),
        ]

    def __str__(self) -> str:
        return f"gold {self.version} of {self.sample_id}"


class GoldShowing(models.Model):
    """One judgement of a gold sample: who gave it, and whether it was right. Nobody but reviewers ever sees which it was."""

    id = models.BigAutoField(primary_key=True)
    gold = models.ForeignKey(GoldAnswer, on_delete=models.PROTECT, related_name="answers")
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    label = models.OneToOneField(HitlLabel, on_delete=models.PROTECT, related_name="gold_showing")
    is_right = models.BooleanField()
    answered_at = models.DateTimeField()

    class Meta:
        db_table = "gold_showings"
        verbose_name = "gold showing"
        indexes = [models.Index(fields=["user", "module", "id"], name="gold_showing_of_person")]

    def __str__(self) -> str:
        return f"{'right' if self.is_right else 'wrong'} on {self.gold_id}"


class GoldTurn(models.Model):
    """How many samples of a module a person has been given: by that number it is drawn whether the next one is gold."""

    id = models.BigAutoField(primary_key=True)
    module = models.ForeignKey(AiModule, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "gold_turns"
        constraints = [models.UniqueConstraint(fields=["user", "module"], name="gold_turn_once")]

    def __str__(self) -> str:
        return f"turn {self.number}"


class AnnotatorPauseQuerySet(models.QuerySet["AnnotatorPause"]):
    """Pauses, and which hold."""

    def standing(self) -> "AnnotatorPauseQuerySet":
        """Those that nobody lifted."""
        return self.filter(lifted_at__isnull=True)

    def of(self, module: int, user: "User") -> "AnnotatorPause | None":
        """Answer what keeps a person from judging in a module."""
        return self.standing().filter(module=module, user=user).first()


class AnnotatorPause(models.Model):
    """Somebody judges nothing in a module until a reviewer lifts it; `by` is null where the gold score did it.

    `score` and `answers` are the gold score of that moment and of how many answers: what the person is told.
    """

    id = models.BigAutoField(primary_key=True)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="pauses", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="pauses", db_index=False)
    why = models.CharField(max_length=MAX_REASON)
    score = models.FloatField(null=True)
    answers = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    lifted_because = models.CharField(max_length=MAX_REASON, blank=True)

    objects = AnnotatorPauseQuerySet.as_manager()

    class Meta:
        db_table = "annotator_pauses"
        verbose_name = "pause"
        indexes = [models.Index(fields=["user", "module", "lifted_at"], name="pause_of_person")]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "module"], condition=models.Q(lifted_at__isnull=True), name="pause_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.module_id}"
