"""Verbs on stored objects."""

import contextlib
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO

from django.db import DatabaseError

from accounts.models import User
from core.storage import DEFAULT_ALIAS, AlreadyStored, ObjectStat, StoreError, chunks_of, new_name, store
from learning.models import StoredObject

TICK_SECONDS = 1.0
AT_ONCE = 8
"""So many objects are put at the same time: a store answers in milliseconds, and waits for its disk in most of them."""


def store_bytes(
    content: bytes | Path,
    *,
    kind: str,
    media_type: str,
    metadata: Mapping[str, str],
    owner: User | None = None,
    tick: Callable[[], None] | None = None,
    delete_at: datetime | None = None,
) -> StoredObject:
    """Store `content` (bytes, or the file at a path) as a new object with its row: both are there, or neither.

    `tick` is called about every second while the store takes its time, in the caller's thread, and may raise. With `delete_at`
    the row comes first and goes by itself then, so that whoever is killed here, or before anything refers to the object, leaves
    none that nobody knows of. Called outside transactions; raises core.storage.StoreError.
    """
    row = StoredObject(
        name=new_name(media_type),
        alias=DEFAULT_ALIAS,
        kind=kind,
        media_type=media_type,
        metadata=dict(metadata),
        owner=owner,
        delete_at=delete_at,
    )
    try:
        with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as stream:
            row.sha256, row.size = _digest(stream, tick)
            if delete_at:
                row.save(force_insert=True)
            put = partial(store().put_new, row.name, stream, media_type=media_type, metadata=metadata)
            row.etag = (_waited_for(put, tick, partial(_remove, row.name)) if tick else put()).etag
        row.save()
    except BaseException as error:
        if not isinstance(error, AlreadyStored):  # else the object of that name is not ours
            _remove(row.name)
        if delete_at:
            with contextlib.suppress(DatabaseError):  # nor is such a database; the row goes by itself
                StoredObject.objects.filter(pk=row.pk).delete()
        raise
    return row


def _remove(name: str) -> None:
    with contextlib.suppress(StoreError):  # a store that does not answer is not the reason to be told
        store().remove(name)


@dataclass(frozen=True)
class Content:
    """Bytes that are to become an object."""

    body: bytes
    kind: str
    media_type: str
    metadata: Mapping[str, str]


def put_many(contents: Sequence[Content], *, owner: User | None = None) -> list[StoredObject]:
    """Store many new objects, several at a time, and answer their rows, which the caller writes: all are there, or none.

    Called outside transactions; raises core.storage.StoreError.
    """
    rows = [_row(content, owner) for content in contents]
    put, puts = store().put_new, list[Future[ObjectStat]]()
    try:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="store") as pool:
            for row, content in zip(rows, contents, strict=True):
                one = partial(put, row.name, io.BytesIO(content.body), media_type=row.media_type, metadata=content.metadata)
                puts.append(pool.submit(one))
        for row, done in zip(rows, puts, strict=True):
            row.etag = done.result().etag
    except BaseException:
        for row, done in zip(rows, puts, strict=False):
            if done.cancelled() or isinstance(done.exception(), AlreadyStored):  # the object of that name is not ours
                continue
            with contextlib.suppress(StoreError):
                store().remove(row.name)
        raise
    return rows


def _row(content: Content, owner: User | None) -> StoredObject:
    return StoredObject(
        name=new_name(content.media_type),
        alias=DEFAULT_ALIAS,
        kind=content.kind,
        sha256=hashlib.sha256(content.body).hexdigest(),
        size=len(content.body),
        media_type=content.media_type,
        metadata=dict(content.metadata),
        owner=owner,
    )


def _waited_for(put: Callable[[], ObjectStat], tick: Callable[[], None], undo: Callable[[], None]) -> ObjectStat:
    """Call `put` in a thread of its own, and `tick` here until it is done.

    Where `tick` raises, nobody waits for a store that takes its time: what still arrives is undone then.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="store")
    putting = pool.submit(put)
    pool.shutdown(wait=False)
    try:
        while not wait([putting], timeout=TICK_SECONDS).done:
            tick()
    except BaseException:
        putting.add_done_callback(lambda done: None if done.exception() else undo())
        raise
    return putting.result()


def _digest(stream: IO[bytes], tick: Callable[[], None] | None) -> tuple[str, int]:
    """Answer the hex SHA-256 and the size of a stream, and rewind it."""
    digest = hashlib.sha256()
    for piece in chunks_of(stream):
        digest.update(piece)
        if tick:
            tick()
    size = stream.tell()
    stream.seek(0)
    return digest.hexdigest(), size
