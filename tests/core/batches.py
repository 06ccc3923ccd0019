"""A row with a lifecycle, for tests of what core promises of every such row."""

from datetime import date

from learning.models import City, UploadBatch


def open_batch(number: int = 1) -> UploadBatch:
    city, _ = City.objects.get_or_create(slug="city_pune", defaults={"name": "Pune"})
    return UploadBatch.objects.create(id=f"batch_{number}", city=city, day=date(2026, 11, 20 - number), number=number)
