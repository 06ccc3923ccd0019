"""Stores that take their time with what tests have them hold back, or break off."""

import threading
from collections.abc import Callable, Mapping
from typing import IO

from core.file_store import FileStore
from core.storage import ObjectStat, StoreError


class SlowStore(FileStore):
    """A file store that takes what is `held`, by its media type, only when `go_on` is set."""

    held = frozenset({"application/zip"})
    go_on = threading.Event()
    in_hand = threading.Event()

    def put_new(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        if media_type in self.held:
            self.in_hand.set()
            assert self.go_on.wait(30)
        return super().put_new(name, content, media_type=media_type, metadata=metadata)


class TornStore(FileStore):
    """A file store whose connection breaks when all was sent; `on_its_way` is told the name before."""

    on_its_way: Callable[[str], object] = staticmethod(lambda name: None)

    def put_new(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        type(self).on_its_way(name)
        super().put_new(name, content, media_type=media_type, metadata=metadata)
        raise StoreError("The connection broke.")


class AwayStore(FileStore):
    """A file store that does not answer: as often as `puts` and `opens` say, by what is asked of it."""

    puts = opens = 0

    def put_new(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        if type(self).puts > 0 and media_type == "application/zip":
            type(self).puts -= 1
            raise StoreError("The connection was refused.")
        return super().put_new(name, content, media_type=media_type, metadata=metadata)

    def open_object(self, name: str) -> IO[bytes]:
        if type(self).opens > 0:
            type(self).opens -= 1
            raise StoreError("The connection was refused.")
        return super().open_object(name)
