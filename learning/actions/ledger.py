"""The ledger of erased events: hashes that keep a nightly upload, and a restored backup, from bringing back what was erased.

It lies in the database, and page by page in the store under names that follow from their numbers: whoever puts an older
database back finds the pages without it. Where LEDGER_DIR is set each page lies there too, for the day the store is put back as well.
"""

import hashlib
import io
import os
import uuid
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.errors import Conflict, Invalid, Missing
from core.storage import DEFAULT_ALIAS, AlreadyStored, ObjectMissing, reading, store
from learning.models import City, Erasure, LearningSample, LedgerEntry, ObjectKind, StoredObject
from learning.models.erasure import LedgerPage

PAGE_NAMESPACE = uuid.UUID("2f0c2c6c-5b4b-5c0f-9d19-7a1b3a4b6f10")
PAGE = 50_000
CHUNK = 5_000
JSONL = "application/jsonl"
HEX = frozenset("0123456789abcdef")


def identity_of(city: str, event_id: str) -> str:
    """Answer the hash under which the ledger knows an event of a city (its slug)."""
    return hashlib.sha256(f"{city}\n{event_id}".encode(errors="surrogatepass")).hexdigest()


def erased_among(city: City, event_ids: Iterable[str]) -> set[str]:
    """Answer those of these events of a city that were erased; costs one look at the ledger where the city has none in it."""
    known = LedgerEntry.objects.filter(city=city)
    if not known.exists():
        return set()
    hashes = {identity_of(city.slug, event_id): event_id for event_id in event_ids}
    wanted, found = list(hashes), set[str]()
    for start in range(0, len(wanted), CHUNK):
        found.update(known.filter(identity_sha256__in=wanted[start : start + CHUNK]).values_list("identity_sha256", flat=True))
    return {hashes[digest] for digest in found}


def refuse_erased(city: City, event_id: str) -> None:
    """Raise Conflict for an event that was erased."""
    if erased_among(city, [event_id]):
        raise Conflict("This was erased, and is not taken again.", code="erased")


def note(samples: Collection[LearningSample], erasure: Erasure) -> None:
    """Write the samples' events (their cities loaded) into the ledger, in the caller's transaction."""
    LedgerEntry.objects.bulk_create(
        [
            LedgerEntry(city_id=sample.city_id, identity_sha256=identity_of(sample.city.slug, sample.event_id), erasure=erasure)
            for sample in samples
        ],
        ignore_conflicts=True,
    )


def store_pages(erasure: Erasure) -> None:
    """Put what this erasure wrote into the ledger into the store, as pages; not for transactions. Twice is success."""
    if LedgerPage.objects.filter(erasure=erasure).exists():
        return
    entries = LedgerEntry.objects.filter(erasure=erasure).order_by("pk").values_list("city__slug", "identity_sha256")
    rows = entries.iterator(chunk_size=CHUNK)
    pages = []
    while lines := [
        orjson.dumps({"city": city, "sha256": digest}) + b"\n" for _, (city, digest) in zip(range(PAGE), rows, strict=False)
    ]:
        pages.append(_put(b"".join(lines), len(lines)))
    with transaction.atomic():
        for page, kept in pages:
            kept.save(force_insert=True)
            page.erasure, page.object = erasure, kept
            page.save(force_insert=True)


def pages_in_store() -> Iterator[list[tuple[str, str]]]:
    """Yield each page that the store holds as (city, hash), from the first to the last; needs nothing of the database."""
    number = 1
    while True:
        try:
            with reading(_name(number)) as stream:
                yield list(read_lines(stream))
        except ObjectMissing:
            return
        number += 1


def read_lines(lines: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Read the lines of a page; raises Invalid for what is none."""
    for line in lines:
        try:
            entry = orjson.loads(line)
            city, digest = str(entry["city"]), str(entry["sha256"])
        except (ValueError, KeyError, TypeError) as error:
            raise Invalid("This is no page of a ledger: each line is an object with city and sha256.") from error
        if len(digest) != 64 or not set(digest) <= HEX:
            raise Invalid("This is no page of a ledger: a hash has 64 hexadecimal digits.")
        yield city, digest


def take_back(file: Path | None = None) -> int:
    """Write into the database what the store's pages (or a file of such lines) know and it lacks; answers how many entries."""
    if file is None:
        return sum(_take(page) for page in pages_in_store())
    if not file.is_file():
        raise Missing(f"There is no file {file}.")
    with file.open("rb") as lines:
        return _take(list(read_lines(lines)))


def brought_back() -> Iterator[list[int]]:
    """Yield, in chunks, the keys of samples that are there although the ledger says that they were erased."""
    rows = LearningSample.objects.filter(erased_at__isnull=True).order_by("pk")
    cities = City.objects.in_bulk(set(LedgerEntry.objects.values_list("city_id", flat=True).distinct()))
    rows, last = rows.filter(city__in=list(cities)), 0
    while chunk := list(rows.filter(pk__gt=last).values_list("pk", "city_id", "event_id")[:CHUNK]):
        last = chunk[-1][0]
        back: list[int] = []
        for city_id in {row[1] for row in chunk}:
            events = {event_id: key for key, city, event_id in chunk if city == city_id}
            back += [events[event_id] for event_id in erased_among(cities[city_id], events)]
        if back:
            yield sorted(back)


def knows_all_in(folder: Path) -> bool:
    """Tell whether a folder of pages (LEDGER_DIR) holds every page that the database knows: then it is the right one."""
    pages = LedgerPage.objects.values_list("object__sha256", flat=True)
    return folder.is_dir() and all(_copy_in(folder, sha256).is_file() for sha256 in pages.iterator())


def pages_in(folder: Path) -> list[Path]:
    """Answer the copies of pages in a folder."""
    return sorted(folder.glob("ledger-*.jsonl"))


def _copy_in(folder: Path, sha256: str) -> Path:
    return folder / f"ledger-{sha256}.jsonl"


def _copy_aside(content: bytes) -> None:
    """Keep a page in LEDGER_DIR before the store has it, and so before anything is destroyed."""
    if not settings.LEDGER_DIR:
        return
    target = _copy_in(Path(settings.LEDGER_DIR), hashlib.sha256(content).hexdigest())
    scratch = target.with_suffix(f".{os.getpid()}")
    with scratch.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    scratch.replace(target)


def _name(number: int) -> str:
    return f"{uuid.uuid5(PAGE_NAMESPACE, str(number))}.jsonl"


def _put(content: bytes, entries: int) -> tuple[LedgerPage, StoredObject]:
    """Store a page under the first free number; one that a killed worker stored is a page like any other."""
    _copy_aside(content)
    newest = LedgerPage.objects.order_by("-number").values_list("number", flat=True).first()
    number = (newest or 0) + 1
    metadata = {"uploaded_at": timezone.now().isoformat(timespec="seconds")}
    while True:
        try:
            stat = store().put_new(_name(number), io.BytesIO(content), media_type=JSONL, metadata=metadata)
            break
        except AlreadyStored:
            number += 1
    kept = StoredObject(
        name=_name(number),
        alias=DEFAULT_ALIAS,
        kind=ObjectKind.MANIFEST,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        media_type=JSONL,
        metadata=metadata,
        etag=stat.etag,
    )
    return LedgerPage(number=number, entries=entries), kept


def _take(page: list[tuple[str, str]]) -> int:
    before = LedgerEntry.objects.count()
    cities = dict(City.objects.filter(slug__in={city for city, _ in page}).values_list("slug", "pk"))
    entries = [LedgerEntry(city_id=cities[city], identity_sha256=digest) for city, digest in page if city in cities]
    LedgerEntry.objects.bulk_create(entries, batch_size=CHUNK, ignore_conflicts=True)
    return LedgerEntry.objects.count() - before
