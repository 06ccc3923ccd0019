"""What a version was measured to be on a split, and what came of each sample there."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q

from core.ids import new_id
from learning.models import LearningSample
from training.models.job import TrainingJob
from training.models.model_version import ModelVersion
from training.models.version import DatasetVersion, Split

if TYPE_CHECKING:
    from accounts.models import User


class EvaluationMethod(models.TextChoices):
    """How a split was scored: by the version itself, or out of fold by networks that never saw the sample they answer."""

    SPLIT = "split"
    FOLDS = "folds"


class ModelEvaluationQuerySet(models.QuerySet["ModelEvaluation"]):
    """Evaluations, and who sees which."""

    def visible_to(self, user: "User") -> "ModelEvaluationQuerySet":
        """Those of the versions a user sees."""
        return self.filter(model_version__in=ModelVersion.objects.visible_to(user))

    def done(self) -> "ModelEvaluationQuerySet":
        """Those whose run came to its end: what is not done yet proves nothing, and may be given up."""
        return self.filter(finished_at__isnull=False)

    def latest_on(self, dataset_version: DatasetVersion, split: str) -> "ModelEvaluationQuerySet":
        """Answer the newest of each version on one frozen split."""
        same = self.done().filter(dataset_version=dataset_version, split=split, method=EvaluationMethod.SPLIT)
        later = ModelEvaluation.objects.done().filter(
            model_version=models.OuterRef("model_version"),
            dataset_version=dataset_version,
            split=split,
            method=EvaluationMethod.SPLIT,
            pk__gt=models.OuterRef("pk"),  # ids are ordered by time
        )
        return same.filter(~models.Exists(later))


class ModelEvaluation(models.Model):
    """One scoring of one version on one frozen split, by the job that trained it or one of kind evaluate; it never changes.

    While its job runs, outcomes come in and `finished_at` is null; what a lost run left is removed by the next one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(TrainingJob, on_delete=models.PROTECT, related_name="scorings", db_index=False)
    method = models.CharField(max_length=10, choices=EvaluationMethod, default=EvaluationMethod.SPLIT)
    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="scorings", db_index=False
    )
    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="scorings", db_index=False)
    split = models.CharField(max_length=10, choices=Split)
    scores = models.JSONField(default=dict)
    outcome_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = ModelEvaluationQuerySet.as_manager()

    class Meta:
        db_table = "model_evaluations"
        verbose_name = "evaluation"
        constraints = [
            models.UniqueConstraint(fields=["job", "method"], name="evaluation_once_per_job"),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(model_version__isnull=False), name="evaluation_done_is_of_a_version"
            ),
        ]
        indexes = [
            models.Index(fields=["model_version", "dataset_version", "split"], name="evaluation_of_version"),
            models.Index(fields=["dataset_version", "split"], name="evaluation_on_split"),
        ]

    def __str__(self) -> str:
        return f"{self.model_version} on {self.dataset_version} ({self.split})"


class SampleOutcomeQuerySet(models.QuerySet["SampleOutcome"]):
    """Outcomes of samples, by what became of them."""

    def lost_to(self, other: ModelEvaluation) -> "SampleOutcomeQuerySet":
        """Answer the wrong ones that another evaluation has right: its version won them."""
        won = SampleOutcome.objects.filter(evaluation=other, sample=models.OuterRef("sample"), is_right=True)
        return self.filter(models.Exists(won), is_right=False)

    def suspected(self) -> "SampleOutcomeQuerySet":
        """Those whose truth is doubted, the most doubted first."""
        return self.filter(doubt__isnull=False).order_by("-doubt", "sample")


class SampleOutcome(models.Model):
    """What one evaluation made of one sample (see training.scoring.outcomes); goes with the sample when that is erased."""

    pk = models.CompositePrimaryKey("evaluation_id", "sample_id")
    evaluation = models.ForeignKey(ModelEvaluation, on_delete=models.CASCADE, related_name="outcomes", db_index=False)
    sample = models.ForeignKey(LearningSample, on_delete=models.PROTECT, related_name="+")
    is_right = models.BooleanField()
    score = models.FloatField()
    truth = models.CharField(max_length=120, blank=True)
    said = models.CharField(max_length=120, blank=True)
    confidence = models.FloatField(null=True)
    doubt = models.FloatField(null=True)
    answer = models.JSONField(null=True)

    objects = SampleOutcomeQuerySet.as_manager()

    class Meta:
        db_table = "sample_outcomes"
        indexes = [
            models.Index(F("evaluation"), F("sample"), condition=Q(is_right=False), name="outcome_wrong"),
            models.Index(F("evaluation"), F("doubt").desc(), condition=Q(doubt__isnull=False), name="outcome_suspected"),
        ]

    def __str__(self) -> str:
        return f"{self.truth} said {self.said}"
