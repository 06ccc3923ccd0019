"""Taking deleted objects out of the store: their rows say deleted already, their bytes and every version of them go here."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.db.models import Q
from django.utils import timezone

from core.storage import StoreError, store
from learning.models import ImageFingerprint, StoredObject
from learning.models.object import TO_PURGE

CHUNK = 500
THREADS = 8
SCRUBBED: dict[str, Any] = {"metadata": {}, "md5": "", "phash": None}

logger = structlog.get_logger(__name__)


def delete(objects: Iterable[Any]) -> int:
    """Mark these objects (by key) deleted, with their thumbnails, in the caller's transaction; answers how many there were.

    From here on nobody is given them; `purge` takes their bytes. What the metadata said of them goes now.
    """
    keys = list(objects)
    thumbnails = StoredObject.objects.filter(pk__in=keys, thumbnail__isnull=False).values("thumbnail")
    rows = StoredObject.objects.filter(Q(pk__in=keys) | Q(pk__in=list(thumbnails.values_list("thumbnail", flat=True))))
    now = timezone.now()
    ImageFingerprint.objects.filter(object__in=keys).delete()
    rows.filter(marked_for_deletion_at__isnull=True, deleted_at__isnull=True).update(marked_for_deletion_at=now)
    return rows.filter(deleted_at__isnull=True).update(deleted_at=now, thumbnail=None, **SCRUBBED)


def purge(only: Sequence[Any] | None = None) -> int:
    """Destroy in the store what is deleted in the database (of `only` these keys); answers how many objects.

    Stopped anywhere, it goes on later. What the store refuses (a lock of its own, an outage) stays to be purged, and is logged.
    """
    done, last = 0, None
    with ThreadPoolExecutor(THREADS, thread_name_prefix="purge") as pool:
        while chunk := _next(last, only):
            gone = [key for key in pool.map(_destroy, chunk) if key is not None]
            StoredObject.objects.filter(pk__in=gone).update(purged_at=timezone.now())
            done, last = done + len(gone), chunk[-1][0]
    return done


def _next(last: Any, only: Sequence[Any] | None) -> list[tuple[Any, str, str]]:
    rows = StoredObject.objects.filter(TO_PURGE).order_by("pk")
    rows = rows if only is None else rows.filter(pk__in=only)
    rows = rows.filter(pk__gt=last) if last else rows
    return list(rows.values_list("pk", "alias", "name")[:CHUNK])


def _destroy(row: tuple[Any, str, str]) -> Any:
    """Destroy one object; answers its key, or None where the store refused."""
    key, alias, name = row
    try:
        store(alias).destroy(name)
    except StoreError:
        logger.exception("an object could not be purged; it is tried again", object=str(key))
        return None
    return key
