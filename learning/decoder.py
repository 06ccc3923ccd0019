"""A decoder's process: `python -m learning.decoder MEGABYTES` looks at one image after the other, from pipe to pipe.

Its memory is limited, and so is its time with each image: what eats memory, breaks the decoder or does not end ends this
process, and whoever asked starts another. It ends with its standard input, so that it never outlives who started it.
"""

import json
import os
import resource
import signal
import struct
import sys
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

from learning.defects import Defect

if TYPE_CHECKING:
    from learning.looking import Look

LENGTHS = struct.Struct(">II")
"""What goes before a message: the length of its JSON, and of the bytes behind it."""
CPU_SECONDS = 20.0
WALL_SECONDS = 120.0
"""The time for one image: of computing, and by the clock where the machine is busy."""


def send(out: IO[bytes], facts: dict[str, Any], content: bytes) -> None:
    """Write one message."""
    text = json.dumps(facts).encode()
    out.write(LENGTHS.pack(len(text), len(content)))
    out.write(text)
    out.write(content)
    out.flush()


def receive(source: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read one message; raises EOFError where the other side has ended."""
    told, length = LENGTHS.unpack(_exactly(source, LENGTHS.size))
    return json.loads(_exactly(source, told)), _exactly(source, length)


def _exactly(source: IO[bytes], count: int) -> bytes:
    content = source.read(count)
    if len(content) < count:
        raise EOFError
    return content


def main() -> None:
    """Answer until nobody asks any more."""
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    for number in (signal.SIGTERM, signal.SIGINT):  # they are for the worker, which ends its decoders by itself
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    most = int(sys.argv[1]) << 20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    send(out, {}, b"")
    while True:
        try:
            facts, content = receive(source)
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
        told, thumbnail = _answer(facts, content)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(out, told, thumbnail)


def _answer(facts: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    from learning.looking import look  # not above: who asks a decoder imports this module, and not Pillow

    try:
        found = look(content, **facts)
    except Defect as defect:
        return {"reason": defect.reason, "detail": defect.detail}, b""
    return _told(found), found.thumbnail


def _told(found: "Look") -> dict[str, Any]:
    told = asdict(found)
    del told["thumbnail"]
    if found.fingerprint:
        told["fingerprint"] = {**asdict(found.fingerprint), "fine": found.fingerprint.fine.hex()}
    return told


if __name__ == "__main__":
    # before the first image is timed, and before memory is limited
    import numpy  # noqa: F401, ICN001

    import learning.looking  # noqa: F401

    main()
