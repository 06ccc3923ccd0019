"""An import: labels and images of another tool on their way into a dataset. The row is the job."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models import City, LearningSample, StoredObject
from training.models.dataset import TrainingDataset, visible_rows
from training.models.version import Split

if TYPE_CHECKING:
    from accounts.models import User


class ImportState(models.TextChoices):
    """Where an import stands."""

    CHECKING = "checking"
    CHECKED = "checked"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ImportPhase(models.TextChoices):
    """What a worker is doing with an import; from `publishing` on it is carried to its end, whoever is killed."""

    READING = "reading"
    TAKING = "taking"
    PUBLISHING = "publishing"


class TakenAs(models.TextChoices):
    """What the labels of the file are worth."""

    TRUTH = "truth"
    JUDGEMENT = "judgement"
    PREDICTION = "prediction"


class Empty(models.TextChoices):
    """What it means that a file says nothing of an image: somebody looked and found nothing, or nobody looked."""

    VERIFIED = "verified_empty"
    UNLABELLED = "unlabelled"


class RecordFate(models.TextChoices):
    """What the value of a record becomes."""

    TRUTH = "truth"
    JUDGEMENT = "judgement"
    PREDICTION = "prediction"
    NOTHING = "nothing"


AT_WORK = frozenset({ImportState.CHECKING, ImportState.IMPORTING})
ENDED = frozenset({ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED})


class DatasetImportQuerySet(models.QuerySet["DatasetImport"]):
    """Imports: who sees which, and which wait for a worker."""

    def visible_to(self, user: "User") -> "DatasetImportQuerySet":
        """Those of the datasets that are one's own; what comes into a shared one is the hub's own people's business."""
        datasets = TrainingDataset.objects.filter(visible_rows(user))
        if user.organization_id is not None:
            datasets = datasets.filter(organization=user.organization_id)
        return self.filter(dataset__in=datasets)

    def to_run(self) -> "DatasetImportQuerySet":
        """Those that a worker has something to do for: reading, writing, or removing what was written."""
        return self.filter(models.Q(state__in=sorted(AT_WORK)) | models.Q(must_clear=True, state__in=sorted(ENDED)))


class DatasetImport(Lifecycle):
    """`source` is the file that was brought, until the import has ended; `report` the CSV of what was not taken.

    `mapping` leads from the file's categories to labels of the module's schema, or to null for what is left out; `categories`
    counts those that the dry run found, `drawn` holds what it drew. While a worker has it, `token` names that worker and
    `beat_at` says that it is alive; every write of one is conditional on both state and token. `must_clear` says that samples
    or objects were written which nobody may see before the last step: if it is not reached, they are removed.
    """

    MOVES = {
        ImportState.CHECKING: frozenset({ImportState.CHECKED, ImportState.FAILED, ImportState.CANCELLED}),
        ImportState.CHECKED: frozenset({ImportState.IMPORTING, ImportState.FAILED, ImportState.CANCELLED}),
        ImportState.IMPORTING: frozenset({ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED}),
        ImportState.DONE: frozenset(),
        ImportState.FAILED: frozenset(),
        ImportState.CANCELLED: frozenset(),
    }

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    dataset = models.ForeignKey(TrainingDataset, on_delete=models.PROTECT, related_name="imports")
    city = models.ForeignKey(City, on_delete=models.PROTECT, null=True, related_name="+")
    source = models.ForeignKey(StoredObject, on_delete=models.SET_NULL, null=True, related_name="+")
    report = models.ForeignKey(StoredObject, on_delete=models.SET_NULL, null=True, related_name="+")
    file_name = models.CharField(max_length=255, blank=True)
    format = models.CharField(max_length=20, blank=True)
    taken_as = models.CharField(max_length=10, choices=TakenAs, default=TakenAs.TRUTH)
    empty = models.CharField(max_length=14, choices=Empty, default=Empty.VERIFIED)
    mapping = models.JSONField(default=dict, blank=True)
    categories = models.JSONField(default=dict, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    drawn = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.CHECKING)
    phase = models.CharField(max_length=10, choices=ImportPhase, blank=True)
    phase_began_at = models.DateTimeField(null=True)
    records = models.PositiveIntegerField(null=True)
    handled = models.PositiveIntegerField(default=0)
    token = models.CharField(max_length=32, blank=True)
    beat_at = models.DateTimeField(null=True)
    faults = models.PositiveSmallIntegerField(default=0)
    must_clear = models.BooleanField(default=False)
    error_message = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = DatasetImportQuerySet.as_manager()

    class Meta:
        db_table = "dataset_imports"
        verbose_name = "import"
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ImportState.values), name="import_state_known"),
            models.CheckConstraint(condition=models.Q(taken_as__in=TakenAs.values), name="import_taken_as_known"),
            models.CheckConstraint(condition=models.Q(empty__in=Empty.values), name="import_empty_known"),
            # one at a time writes to a dataset, so that two never take in the same image
            models.UniqueConstraint(
                fields=["dataset"], condition=models.Q(state=ImportState.IMPORTING), name="import_one_writes_to_a_dataset"
            ),
        ]

    def __str__(self) -> str:
        return self.file_name or f"import of {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def organization_id(self) -> int | None:
        """The organization of the dataset."""
        return self.dataset.organization_id

    @property
    def is_moving(self) -> bool:
        """Tell whether a worker has something to do for it, so that a page looks again."""
        return self.state in AT_WORK

    @property
    def percent(self) -> int:
        """How far the phase is, in hundredths; 0 where nobody knows how much there is."""
        if self.state in (ImportState.DONE, ImportState.CHECKED):
            return 100
        return min(99, self.handled * 100 // self.records) if self.records else 0

    @property
    def rate(self) -> float:
        """Records a second, since the phase began."""
        if self.phase_began_at is None or not self.handled:
            return 0.0
        until = self.finished_at or (self.beat_at if self.is_moving else None) or timezone.now()
        return self.handled / max(0.001, (until - self.phase_began_at).total_seconds())

    @property
    def done_about(self) -> datetime | None:
        """When the phase will be over, if it goes on so."""
        if not self.is_moving or not self.records or not self.rate:
            return None
        return timezone.now() + timedelta(seconds=max(0, self.records - self.handled) / self.rate)

    @property
    def undecided(self) -> list[str]:
        """The categories of the file of which nobody has said what they are here."""
        return [name for name in self.categories if name not in self.mapping]

    def as_mapped(self, category: str) -> Any:
        """Answer the label of a category, or None where it is left out."""
        return self.mapping.get(category)


class ImportedRecord(models.Model):
    """A record of an import that is ready: which sample it is about, and what it says. Gone once it is published.

    `is_new` says that the import brought the sample, which nobody sees yet; `look` is then its picture's fingerprint. `said` is
    the value in the words of the schema, `said_sha256` its canonical hash, `fate` what it becomes; `earlier` holds the older
    annotations of the same picture.
    """

    pk = models.CompositePrimaryKey("job_id", "number")
    job = models.ForeignKey(DatasetImport, on_delete=models.CASCADE, related_name="ready", db_index=False)
    number = models.PositiveIntegerField()
    sample = models.ForeignKey(LearningSample, on_delete=models.CASCADE, related_name="+")
    is_new = models.BooleanField(default=False)
    fate = models.CharField(max_length=10, choices=RecordFate, default=RecordFate.NOTHING)
    said = models.JSONField(null=True)
    said_sha256 = models.CharField(max_length=64, blank=True)
    is_as_predicted = models.BooleanField(default=False)
    confidence = models.FloatField(null=True)
    earlier = models.JSONField(null=True)
    look = models.JSONField(null=True)
    split = models.CharField(max_length=10, choices=Split, blank=True)

    class Meta:
        db_table = "dataset_import_records"

    def __str__(self) -> str:
        return f"record {self.number} of {self.job_id}"
