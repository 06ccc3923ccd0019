"""The images of an export, fetched a few ahead of the one that is written: a store answers in milliseconds, and takes many at once."""

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import BinaryIO, cast

from core.storage import ObjectMissing, reading, store
from training.actions.exporting_rows import Kept, Row
from training.formats import ExportMember

AHEAD = 8
TICK_SECONDS = 1.0
SMALL = 4 << 20
"""What is smaller is held in memory until it is written; what is larger is opened when its turn comes."""


def with_images(rows: Iterable[Row], *, tick: Callable[[], None]) -> Iterator[ExportMember]:
    """Give each member the means to open its image, none where the store has it no more.

    `tick` is called for each, and each second while the store takes its time; it may raise.
    """
    waiting: deque[tuple[ExportMember, Kept | None, Future[bytes | None] | None]] = deque()
    with ThreadPoolExecutor(AHEAD, thread_name_prefix="images") as pool:
        try:
            for member, kept in rows:
                is_small = kept is not None and kept.size <= SMALL
                waiting.append((member, kept, pool.submit(_content, kept) if is_small and kept else None))
                if len(waiting) > AHEAD:
                    yield _opened(*waiting.popleft(), tick=tick)
            while waiting:
                yield _opened(*waiting.popleft(), tick=tick)
        finally:
            pool.shutdown(cancel_futures=True)


def _opened(
    member: ExportMember, kept: Kept | None, fetched: Future[bytes | None] | None, *, tick: Callable[[], None]
) -> ExportMember:
    tick()
    if fetched is not None:
        while not wait([fetched], timeout=TICK_SECONDS).done:
            tick()
        content = fetched.result()
        member.image = None if content is None else lambda: io.BytesIO(content)
    elif kept is not None:
        try:
            stream = cast(BinaryIO, store(kept.alias).open_object(kept.name))
        except ObjectMissing:
            return member
        member.image = lambda: stream
    return member


def _content(kept: Kept) -> bytes | None:
    try:
        with reading(kept.name, kept.alias) as stream:
            return stream.read()
    except ObjectMissing:
        return None
