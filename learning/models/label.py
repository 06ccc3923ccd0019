"""What a person said about a sample; a change of mind is a new row."""

from django.conf import settings
from django.db import models

from core.ids import new_text_id
from learning.models.city import City
from learning.models.module import GUIDE_UNCLEAR, LabelSchema
from learning.models.sample import LearningSample


class LabelStatus(models.TextChoices):
    """What a judgement makes of the prediction."""

    CORRECT = "correct"
    CHANGED = "changed"
    UNSURE = "unsure"


class Decision(models.TextChoices):
    """What the person pressed."""

    CORRECT = "correct"
    CHANGE = "change"
    NOTHING = "nothing"
    UNSURE = "unsure"
    REJECT = "reject"


class LabelSource(models.TextChoices):
    """Where a judgement was made; one of a gold sample makes no truth and counts nowhere but in its person's score."""

    REVIEW = "review"
    GOLD = "gold"
    CORRECTION = "correction"
    VALIDATION = "validation"


def new_label_id() -> str:
    """Make a fresh label id."""
    return new_text_id()


class HitlLabelQuerySet(models.QuerySet["HitlLabel"]):
    """Judgements, and which of them count."""

    def standing(self) -> "HitlLabelQuerySet":
        """Those that no other replaced and nobody took back."""
        replacing = HitlLabel.objects.filter(
            supersedes=models.OuterRef("pk")
        )  # a join for it has planners expect one row of all
        return self.filter(~models.Exists(replacing), withdrawn_at__isnull=True)

    def disputed(self) -> "HitlLabelQuerySet":
        """Those that stand and disagree."""
        return self.standing().filter(is_disputed=True)

    def by_cities(self) -> "HitlLabelQuerySet":
        """Those by cities, of their own samples."""
        by_city = models.Q(annotator__isnull=True) | models.Q(annotator=models.F("city__user"))
        return self.filter(by_city, label_source=LabelSource.CORRECTION)

    def guide_unclear(self) -> "HitlLabelQuerySet":
        """Those that stand by which somebody was unsure because of the guide."""
        return self.standing().filter(reason=GUIDE_UNCLEAR)

    def by_people(self) -> "HitlLabelQuerySet":
        """Those by people of the hub."""
        by_city = models.Q(annotator=models.F("city__user"), city__user__isnull=False)
        return self.filter(~by_city, annotator__isnull=False)


class HitlLabel(models.Model):
    """A judgement, by a user of the hub or a city's own person; one that was taken back stays, and makes no truth."""

    id = models.BigAutoField(primary_key=True)
    label_id = models.CharField(max_length=64, default=new_label_id)
    sample = models.ForeignKey(LearningSample, on_delete=models.PROTECT, related_name="labels")
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="+", db_index=False)
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    label_status = models.CharField(max_length=10, choices=LabelStatus)
    decision = models.CharField(max_length=10, choices=Decision)
    prediction = models.JSONField(null=True)
    correction = models.JSONField(null=True)
    labeled_at = models.DateTimeField()
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    operator_id = models.CharField(max_length=120, blank=True)
    label_source = models.CharField(max_length=12, choices=LabelSource, default=LabelSource.REVIEW)
    review_time_seconds = models.FloatField(null=True)
    confidence_override = models.FloatField(null=True)
    correction_notes = models.TextField(blank=True)
    reason = models.CharField(max_length=60, blank=True)
    is_disputed = models.BooleanField(default=False)
    dispute_resolution = models.CharField(max_length=60, blank=True)
    client_uuid = models.UUIDField(null=True)
    request_sha256 = models.CharField(max_length=64, blank=True)
    supersedes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="superseded_by", db_index=False)
    withdrawn_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = HitlLabelQuerySet.as_manager()

    class Meta:
        db_table = "hitl_labels"
        verbose_name = "label"
        indexes = [
            models.Index(fields=["annotator", "id"], condition=models.Q(annotator__isnull=False), name="label_annotator"),
            models.Index(fields=["reason", "id"], condition=models.Q(reason=GUIDE_UNCLEAR), name="label_guide_unclear"),
            models.Index(fields=["sample", "id"], condition=models.Q(confidence_override__isnull=False), name="label_weight"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["label_id"], name="label_id_once"),
            # not unique=True: what a city says has neither, and ten thousand nulls in two indexes take time
            models.UniqueConstraint(
                fields=["client_uuid"], condition=models.Q(client_uuid__isnull=False), name="label_client_uuid_once"
            ),
            models.UniqueConstraint(
                fields=["supersedes"], condition=models.Q(supersedes__isnull=False), name="label_superseded_once"
            ),
            models.CheckConstraint(condition=models.Q(label_status__in=LabelStatus.values), name="label_status_known"),
            models.CheckConstraint(condition=models.Q(decision__in=Decision.values), name="label_decision_known"),
            models.CheckConstraint(
                condition=models.Q(correction__isnull=True) | models.Q(label_status=LabelStatus.CHANGED),
                name="label_correction_only_with_changed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label_status} on {self.sample_id}"
