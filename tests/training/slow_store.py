"""A store that takes its time with what tests have it hold back."""

import threading
from collections.abc import Mapping
from typing import IO

from core.file_store import FileStore
from core.storage import ObjectStat


class SlowStore(FileStore):
    """A file store that finishes a bundle only when `go_on` is set."""

    go_on = threading.Event()
    in_hand = threading.Event()

    def put_new(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        if media_type == "application/zip":
            self.in_hand.set()
            assert self.go_on.wait(30)
        return super().put_new(name, content, media_type=media_type, metadata=metadata)
