"""A training example: a sample whose object is an NPZ of features, in the words of the users it was taken from."""

from typing import TYPE_CHECKING

from django.db import models

from core.ids import new_id
from learning.models.label import LabelStatus
from learning.models.sample import LearningSample, SampleState

if TYPE_CHECKING:
    from accounts.models import User

FORMAT = "npz"


class ExampleStatus(models.TextChoices):
    """What is known of an example's label."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    CORRECTED = "corrected"


SETTLED = models.Q(sample__state=SampleState.SETTLED)
STATUSES = {
    ExampleStatus.UNCONFIRMED: ~SETTLED,
    ExampleStatus.CONFIRMED: SETTLED & models.Q(sample__label_status=LabelStatus.CORRECT),
    ExampleStatus.CORRECTED: SETTLED & models.Q(sample__label_status=LabelStatus.CHANGED),
}
"""The sample's state in this document's words."""


class TrainingExampleQuerySet(models.QuerySet["TrainingExample"]):
    """Examples, and who sees which."""

    def visible_to(self, user: "User") -> "TrainingExampleQuerySet":
        """Those whose sample a user sees."""
        return self if user.is_hub_staff else self.filter(sample__in=LearningSample.objects.visible_to(user))

    def of_status(self, status: str) -> "TrainingExampleQuerySet":
        """Those whose label is unconfirmed, confirmed or corrected."""
        return self.filter(STATUSES[ExampleStatus(status)])


class TrainingExample(models.Model):
    """One labelled example of one user (seed: training_examples); label, modality and time are copies of its sample's."""

    example_id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sample = models.OneToOneField(LearningSample, on_delete=models.CASCADE, related_name="example")
    user_id = models.CharField(max_length=120)
    session_id = models.CharField(max_length=120, null=True)
    record_id = models.UUIDField(null=True)
    modality = models.CharField(max_length=64)
    label = models.CharField(max_length=60, blank=True)
    performer_id = models.CharField(max_length=120, null=True)
    timestamp = models.DateTimeField()
    features_hash = models.CharField(max_length=71)
    features_format = models.CharField(max_length=10, default=FORMAT)
    encoding = models.CharField(max_length=80)
    dims = models.PositiveIntegerField(null=True)
    consent_given = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TrainingExampleQuerySet.as_manager()

    class Meta:
        db_table = "training_examples"
        verbose_name = "example"
        indexes = [
            models.Index(fields=["user_id", "modality", "label"], name="example_user_label"),
            models.Index(fields=["user_id", "timestamp"], name="example_user_time"),
            models.Index(fields=["session_id"], name="example_session"),
            models.Index(fields=["timestamp"], name="example_time"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["record_id"], name="example_record_once"),
            models.UniqueConstraint(fields=["user_id", "features_hash"], name="example_features_once_per_user"),
        ]

    def __str__(self) -> str:
        return str(self.example_id)

    @property
    def label_status(self) -> ExampleStatus:
        """What is known of the label: the sample's state, in the seed's words."""
        if self.sample.state != SampleState.SETTLED:
            return ExampleStatus.UNCONFIRMED
        is_correct = self.sample.label_status == LabelStatus.CORRECT
        return ExampleStatus.CONFIRMED if is_correct else ExampleStatus.CORRECTED

    @property
    def features_uri(self) -> str | None:
        """The features' reference in the store; None once retention took them."""
        return self.sample.image_reference
