"""The queue of a fresh machine: kombu's file system transport, with files that are whole or not there.

Kombu opens a file and then writes it, so that another process may read it empty and end by it (kombu issue 1551).
"""

import json
import os
import uuid
from pathlib import Path
from time import monotonic
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem

NAME = "files"
base: Any = filesystem  # it has no types


class Channel(base.Channel):  # type: ignore[misc]
    """Messages and bindings appear under their names by a rename or a link, never half-written."""

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        _written(folder, json.dumps(payload)).replace(folder / name)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        file: Path = self._exchange_file(exchange)
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            scratch = _written(file.parent, json.dumps([]))
            try:
                os.link(scratch, file)
            except FileExistsError:
                pass  # another process was first
            finally:
                scratch.unlink()
        super()._queue_bind(exchange, routing_key, pattern, queue)  # which locks a file that is there


class Transport(base.Transport):  # type: ignore[misc]
    """The transport of `files://`."""

    Channel = Channel


TRANSPORT_ALIASES[NAME] = f"{__name__}:{Transport.__name__}"


def _written(folder: Path, text: str) -> Path:
    """Write a file that no reader looks for: it has not the end of a message's name, nor of an exchange's."""
    scratch = folder / f".{uuid.uuid4()}"
    scratch.write_text(text)
    return scratch
