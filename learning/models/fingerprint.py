"""What an image looks like, in a few bits that are looked up by index: how near-duplicates are found."""

from django.db import models

from learning.models.city import City
from learning.models.object import StoredObject

BANDS = ("band_0", "band_1", "band_2", "band_3")
"""The 16-bit quarters of the perceptual hash, highest first: two hashes that differ in three bits share one of them."""


class ImageFingerprint(models.Model):
    """The look of one verified image of a city: its hash's bands, the finer hash (32 bytes), width over height.

    `root` is the first image of those that look alike; an image like no other is its own. The 64-bit hash itself is the
    object's `phash`. An image without detail has no fingerprint.
    """

    object = models.OneToOneField(StoredObject, on_delete=models.CASCADE, primary_key=True, related_name="fingerprint")
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="+", db_index=False)
    band_0 = models.PositiveIntegerField()
    band_1 = models.PositiveIntegerField()
    band_2 = models.PositiveIntegerField()
    band_3 = models.PositiveIntegerField()
    fine = models.BinaryField(max_length=32)
    aspect = models.FloatField()
    root = models.UUIDField()

    class Meta:
        db_table = "image_fingerprints"
        indexes = [
            *(models.Index(fields=[band, "city"], name=f"fingerprint_{band}") for band in BANDS),
            models.Index(fields=["root"], name="fingerprint_root"),
        ]

    def __str__(self) -> str:
        return f"fingerprint of {self.object_id}"


class GroupMerge(models.Model):
    """That one group of samples went on as another (their hashes, see learning.groups): what was told of the former still holds."""

    id = models.BigAutoField(primary_key=True)
    former = models.BigIntegerField()
    into = models.BigIntegerField()
    merged_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "group_merges"
        constraints = [models.UniqueConstraint(fields=["into", "former"], name="group_merge_once")]

    def __str__(self) -> str:
        return f"{self.former} is {self.into}"
