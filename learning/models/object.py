"""One row for every object in a store; the object itself is never changed."""

from django.conf import settings
from django.db import models

from core.ids import new_id
from core.storage import DEFAULT_ALIAS, SignedRequest, store

DOWNLOAD_SECONDS = 3_600


class ObjectKind(models.TextChoices):
    """What an object is for."""

    IMAGE = "image"
    VIDEO = "video"
    FEATURES = "features"
    BUNDLE = "bundle"
    CONFIG = "config"
    MANIFEST = "manifest"
    TRUTH = "truth"
    CHECKPOINT = "checkpoint"
    THUMBNAIL = "thumbnail"
    EXPORT = "export"


MADE_BY_RUNS = (ObjectKind.CHECKPOINT, ObjectKind.BUNDLE, ObjectKind.CONFIG)
"""Stored with a `delete_at`, the row before the bytes; a result loses it with the commit that refers to it."""

TO_MARK = models.Q(delete_at__isnull=False, marked_for_deletion_at__isnull=True, deleted_at__isnull=True)
MARKED = models.Q(marked_for_deletion_at__isnull=False, deleted_at__isnull=True)
TO_ARCHIVE = models.Q(archive_at__isnull=False, storage_class="", deleted_at__isnull=True)
TO_PURGE = models.Q(deleted_at__isnull=False, purged_at__isnull=True)
"""The steps of an object's way out; each has an index that is empty but for what waits there."""


class StoredObject(models.Model):
    """An object under a flat name; references are computed from the store's alias.

    On its way out it is marked for deletion, then deleted (nobody is given it any more), then purged (the store has no byte
    of it). The row stays.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=64)
    alias = models.CharField(max_length=40, default=DEFAULT_ALIAS)
    kind = models.CharField(max_length=20, choices=ObjectKind)
    sha256 = models.CharField(max_length=64)
    md5 = models.CharField(max_length=32, blank=True)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=80)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    encoding = models.CharField(max_length=80, blank=True)
    shape = models.JSONField(null=True)
    dtype = models.CharField(max_length=20, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    thumbnail = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    metadata = models.JSONField(default=dict)
    storage_class = models.CharField(max_length=40, blank=True)
    etag = models.CharField(max_length=80, blank=True)
    phash = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    verified_at = models.DateTimeField(null=True)
    archive_at = models.DateTimeField(null=True)
    delete_at = models.DateTimeField(null=True)
    marked_for_deletion_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "stored_objects"
        verbose_name = "object"
        indexes = [
            models.Index(fields=["sha256"], condition=models.Q(sha256__gt=""), name="object_sha256"),
            models.Index(fields=["delete_at"], condition=TO_MARK, name="object_delete_at"),
            models.Index(fields=["marked_for_deletion_at"], condition=MARKED, name="object_marked"),
            models.Index(fields=["archive_at"], condition=TO_ARCHIVE, name="object_archive_at"),
            models.Index(fields=["deleted_at"], condition=TO_PURGE, name="object_to_purge"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="object_name_once"),
            models.UniqueConstraint(
                fields=["thumbnail"], condition=models.Q(thumbnail__isnull=False), name="object_thumbnail_once"
            ),
            models.CheckConstraint(condition=models.Q(kind__in=ObjectKind.values), name="object_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """The object as scheme://bucket/name."""
        return store(self.alias).reference(self.name)

    def signed_get(self, *, seconds: int = DOWNLOAD_SECONDS, filename: str = "") -> SignedRequest:
        """Sign a download of this object."""
        return store(self.alias).presign_get(self.name, seconds=seconds, filename=filename)
