"""The decoders of this process: started when the first image comes, kept for the next one, replaced when one breaks.

Images are decoded in processes of their own (learning/decoder.py) because a thread cannot be ended and its memory not be
limited: a hostile file costs its decoder, never the worker.
"""

import atexit
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.conf import settings

from learning.decoder import receive, send
from learning.defects import Defect
from learning.fingerprints import Fingerprint

if TYPE_CHECKING:
    from learning.looking import Look

TRIES = 2
"""An image that broke two decoders is at fault; the first may have been killed for another's sake."""
OWN_MEGABYTES = 512
"""What a decoder takes without an image, address space of libraries included."""
BYTES_A_PIXEL = 24
"""What decoding may take: the image, the same upright and in RGB, and what the decoder keeps of it, four to eight each."""
ENDED_BY_TIME = (-signal.SIGPROF, -signal.SIGALRM)


class _Decoder:
    """One decoder's process."""

    def __init__(self, megabytes: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "learning.decoder", str(megabytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=settings.BASE_DIR,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdin
        assert self.process.stdout
        self.source, self.out = self.process.stdin, self.process.stdout
        receive(self.out)  # it is there, with its libraries loaded

    def look(self, content: bytes, media_type: str, max_pixels: int) -> "Look":
        """Have one image looked at; raises Defect, EOFError or OSError where the process ended meanwhile."""
        from learning.looking import Look  # and with it Pillow, which who only shows pages does without

        send(self.source, {"media_type": media_type, "max_pixels": max_pixels}, content)
        told, thumbnail = receive(self.out)
        if "reason" in told:
            raise Defect(told["reason"], told["detail"])
        seen = told.pop("fingerprint")
        fingerprint = Fingerprint(seen["phash"], bytes.fromhex(seen["fine"]), seen["aspect"]) if seen else None
        return Look(**told, thumbnail=thumbnail, fingerprint=fingerprint)

    def end(self) -> int:
        """End it, and answer how it ended."""
        for pipe in (self.source, self.out):
            with contextlib.suppress(OSError):  # what was not yet sent to one that has ended
                pipe.close()
        try:
            return self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Decoders:
    """As many decoders as there may be, each started when it is first needed."""

    def __init__(self, count: int, megabytes: int) -> None:
        self.megabytes = megabytes
        self.owner = os.getpid()
        self._idle: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(None)

    def look(self, content: bytes, media_type: str, max_pixels: int) -> "Look":
        """Have an image looked at, once a decoder is free; raises Defect."""
        for _ in range(TRIES):
            with self._one() as decoder:
                try:
                    return decoder.look(content, media_type, max_pixels)
                except (EOFError, OSError):
                    ended = decoder.end()
            if ended in ENDED_BY_TIME:
                raise Defect("too_slow", "Decoding the image takes longer than an image may.")
        raise Defect("not_an_image", "The file breaks the decoder.")

    @contextlib.contextmanager
    def _one(self) -> Iterator[_Decoder]:
        idle = self._idle.get()
        try:
            decoder = idle or _Decoder(self.megabytes)
        except BaseException:
            self._idle.put(None)
            raise
        try:
            yield decoder
        finally:
            self._idle.put(None if decoder.out.closed else decoder)

    def end(self) -> None:
        """End those that are idle; others are started when they are needed."""
        idle = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for decoder in idle:
            if decoder:
                decoder.end()
            self._idle.put(None)


_lock = threading.Lock()
_decoders: Decoders | None = None


def look(content: bytes, *, media_type: str, max_pixels: int) -> "Look":
    """Decode an image whole in a decoder's process; raises Defect. An empty `media_type` is found out and not compared."""
    return _of_this_process().look(content, media_type, max_pixels)


def _of_this_process() -> Decoders:
    """Answer the decoders; those of the process this one was forked from are not ours."""
    global _decoders  # noqa: PLW0603  (one set for the whole process)
    with _lock:
        if _decoders is None or _decoders.owner != os.getpid():
            megabytes = OWN_MEGABYTES + (settings.UPLOAD_MAX_PIXELS * BYTES_A_PIXEL + settings.UPLOAD_MAX_BYTES * 2 >> 20)
            _decoders = Decoders(settings.DECODERS, megabytes)
            atexit.register(_decoders.end)
        return _decoders
