"""People whose images are collected, their images, and the sessions that collect them."""

import hashlib
import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from core.ids import new_id
from core.lifecycle import Lifecycle
from learning.models.module import AiModule
from learning.models.sample import LearningSample

if TYPE_CHECKING:
    from accounts.models import User

MIN_IMAGES = 5
"""With fewer a person is not trainable."""
WANTED_IMAGES = 40
"""Who is in training with fewer needs more."""
MAX_NAME = 255
STROKED = str.maketrans({"đ": "dj", "Đ": "Dj", "ð": "d", "Ð": "D", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss"})
"""Letters that NFKD takes nothing from; đ is dj, as people on the Balkans write it."""
SEPARATORS = re.compile(r"[\s_-]+")
NO_LETTERS = re.compile(r"[^a-z0-9_]")


def normalized_name(full_name: str) -> str:
    """Answer a name as its folder spells it: NFKD, ASCII, lower case, `_` for blanks and hyphens, `đ` as `dj`.

    A name without a letter of ASCII becomes `person_` and eight digits of its hash.
    """
    plain = unicodedata.normalize("NFKD", full_name.translate(STROKED)).encode("ascii", "ignore").decode().lower()
    name = NO_LETTERS.sub("", SEPARATORS.sub("_", plain)).strip("_")[:MAX_NAME]
    return name or f"person_{hashlib.sha256(full_name.encode()).hexdigest()[:8]}"


def new_session_id() -> str:
    """Make a fresh session id of eight hexadecimal digits."""
    return new_id().hex[-8:]


class PersonStatus(models.TextChoices):
    """How far a person is in the loop."""

    PENDING = "pending"
    IN_TRAINING = "in_training"
    COMPLETED = "completed"
    DEPLOYED = "deployed"


class ImageSource(models.TextChoices):
    """Where an image is from."""

    WIKIMEDIA_P18 = "wikimedia_p18", "Wikidata's own image"
    WIKIMEDIA_CATEGORY = "wikimedia_category", "Commons category"
    SERP = "serp", "image search"
    IMPORT = "import", "folder"


FREE_SOURCES = (ImageSource.WIKIMEDIA_P18, ImageSource.WIKIMEDIA_CATEGORY)


class SessionStatus(models.TextChoices):
    """Where a collection stands."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CollectionSessionQuerySet(models.QuerySet["CollectionSession"]):
    """Collections, and who sees which."""

    def visible_to(self, user: "User") -> "CollectionSessionQuerySet":
        """Hub staff only: the people are the hub's."""
        return self if user.is_hub_staff else self.none()


class CollectionSession(Lifecycle):
    """One batch of collecting (seed: training_sessions). The row is the job: a worker holds it by `token` until `claimed_until`.

    `plan` is `{names?, people, images_per_person, use_serp}`; `searches` counts the paid searches that the cost is made of.
    """

    STATE_FIELD = "status"
    MOVES = {
        SessionStatus.PROCESSING: frozenset({SessionStatus.COMPLETED, SessionStatus.FAILED, SessionStatus.CANCELLED}),
        SessionStatus.FAILED: frozenset({SessionStatus.PROCESSING}),
        SessionStatus.CANCELLED: frozenset({SessionStatus.PROCESSING}),
        SessionStatus.COMPLETED: frozenset(),
    }

    id = models.BigAutoField(primary_key=True)
    session_id = models.CharField(max_length=50, unique=True, default=new_session_id)
    country = models.CharField(max_length=50, blank=True)
    occupation = models.CharField(max_length=100, blank=True)
    domain = models.CharField(max_length=100)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+")
    plan = models.JSONField(default=dict)
    status = models.CharField(max_length=12, choices=SessionStatus, default=SessionStatus.PROCESSING)
    total_people = models.PositiveIntegerField(default=0)
    people_completed = models.PositiveIntegerField(default=0)
    people_failed = models.PositiveIntegerField(default=0)
    total_images_downloaded = models.PositiveIntegerField(default=0)
    images_from_wikimedia = models.PositiveIntegerField(default=0)
    images_from_serp = models.PositiveIntegerField(default=0)
    images_refused = models.PositiveIntegerField(default=0)
    searches = models.PositiveIntegerField(default=0)
    estimated_serp_cost = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    started_at = models.DateTimeField(auto_now_add=True)
    discovered_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    error_message = models.TextField(blank=True)
    token = models.CharField(max_length=32, blank=True)
    claimed_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    objects = CollectionSessionQuerySet.as_manager()

    class Meta:
        db_table = "training_sessions"
        verbose_name = "collection"
        indexes = [
            models.Index(fields=["status"], name="session_status"),
            models.Index(fields=["started_at"], name="session_started"),
        ]
        constraints = [models.CheckConstraint(condition=models.Q(status__in=SessionStatus.values), name="session_status_known")]

    def __str__(self) -> str:
        return self.session_id

    @property
    def people_done(self) -> int:
        """How many people were looked after, found or not."""
        return self.people_completed + self.people_failed

    @property
    def percent(self) -> int:
        """How far it is, from 0 to 100."""
        if self.status == SessionStatus.COMPLETED:
            return 100
        return min(99, self.people_done * 100 // self.total_people) if self.total_people else 0


class PersonQuerySet(models.QuerySet["Person"]):
    """People, and which of them."""

    def visible_to(self, user: "User") -> "PersonQuerySet":
        """Hub staff only: the people are the hub's, and no customer's."""
        return self if user.is_hub_staff else self.none()

    def needing_more(self) -> "PersonQuerySet":
        """Those in training with fewer than the wanted number of images."""
        return self.filter(status=PersonStatus.IN_TRAINING, total_images__lt=WANTED_IMAGES)


class Person(Lifecycle):
    """One person to be recognised (seed: people), named like the folder of their images within a domain.

    Without `consent` none of the images enters a dataset version, and none of who is not `trainable`.
    """

    STATE_FIELD = "status"
    MOVES = {
        PersonStatus.PENDING: frozenset({PersonStatus.IN_TRAINING}),
        PersonStatus.IN_TRAINING: frozenset({PersonStatus.COMPLETED, PersonStatus.PENDING}),
        PersonStatus.COMPLETED: frozenset({PersonStatus.DEPLOYED, PersonStatus.IN_TRAINING}),
        PersonStatus.DEPLOYED: frozenset(),
    }

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(CollectionSession, on_delete=models.PROTECT, null=True, related_name="people")
    domain = models.CharField(max_length=100)
    full_name = models.CharField(max_length=MAX_NAME)
    normalized_name = models.CharField(max_length=MAX_NAME)
    wikidata_id = models.CharField(max_length=50, null=True)
    primary_image_url = models.TextField(blank=True)
    commons_category = models.CharField(max_length=MAX_NAME, blank=True)
    sitelinks = models.PositiveIntegerField(default=0)
    occupation = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=50, blank=True)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=50, choices=PersonStatus, default=PersonStatus.PENDING)
    folder_path = models.CharField(max_length=500)
    total_images = models.PositiveIntegerField(default=0)
    images_from_wikimedia = models.PositiveIntegerField(default=0)
    images_from_serp = models.PositiveIntegerField(default=0)
    trainable = models.BooleanField(default=False)
    consent = models.BooleanField(default=False)
    consent_at = models.DateTimeField(null=True)
    collected_at = models.DateTimeField(null=True)
    collection_error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    trained_at = models.DateTimeField(null=True)
    deployed_at = models.DateTimeField(null=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        db_table = "people"
        verbose_name = "person"
        verbose_name_plural = "people"
        indexes = [
            models.Index(fields=["normalized_name"], name="person_name"),
            models.Index(fields=["wikidata_id"], name="person_wikidata"),
            models.Index(fields=["status"], name="person_status"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["domain", "normalized_name"], name="person_name_once_per_domain"),
            models.UniqueConstraint(fields=["domain", "folder_path"], name="person_folder_once_per_domain"),
            models.CheckConstraint(condition=models.Q(status__in=PersonStatus.values), name="person_status_known"),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def hindrance(self) -> str:
        """Say why this person is not trainable, or ""."""
        return "" if self.trainable else f"Too few images ({self.total_images}), minimum is {MIN_IMAGES}"


class ImageQuerySet(models.QuerySet["Image"]):
    """Images, and who sees which."""

    def visible_to(self, user: "User") -> "ImageQuerySet":
        """Hub staff only."""
        return self if user.is_hub_staff else self.none()


class Image(models.Model):
    """One image of a person (seed: images); what can be decoded is a sample too, what cannot is kept with its reason."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="images", db_index=False)
    sample = models.OneToOneField(LearningSample, on_delete=models.SET_NULL, null=True, related_name="image")
    filename = models.CharField(max_length=255)
    file_path = models.CharField(max_length=500)
    file_size = models.BigIntegerField(null=True)
    sha256 = models.CharField(max_length=64)
    source = models.CharField(max_length=50, choices=ImageSource)
    source_url = models.TextField(blank=True)
    licence = models.CharField(max_length=200, blank=True)
    author = models.TextField(blank=True)
    attribution = models.TextField(blank=True)
    is_validated = models.BooleanField(default=False)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    validation_error = models.TextField(blank=True)
    downloaded_at = models.DateTimeField(auto_now_add=True)
    validated_at = models.DateTimeField(null=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        db_table = "images"
        verbose_name = "image"
        indexes = [
            models.Index(fields=["person", "id"], name="image_person"),
            models.Index(fields=["source"], name="image_source"),
            models.Index(fields=["is_validated"], name="image_validated"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["person", "filename"], name="image_file_once_per_person"),
            models.UniqueConstraint(fields=["person", "sha256"], name="image_content_once_per_person"),
            models.CheckConstraint(condition=models.Q(source__in=ImageSource.values), name="image_source_known"),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def reference(self) -> str | None:
        """The object's reference in the store; None where there is none."""
        return self.sample.image_reference if self.sample else None
