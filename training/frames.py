"""Frames of a video, by OpenCV (the extra `media`) in a process of its own, whose time and memory are limited.

`python -m training.frames MEGABYTES` reads one video: a request on its standard input, a message a frame on its output. Only
containers that hold their own pictures are opened: a playlist would lead the decoder to other files and hosts.
"""

import importlib.util
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from learning.decoder import receive, send
from learning.defects import Defect

MEGABYTES = 3_072
CPU_SECONDS = 3_600
MAX_FRAMES = 2_000
QUALITY = 95
HEAD = 64
NOT_INSTALLED = Defect("media_not_installed", "Videos need OpenCV: install the extra media.")
UNREADABLE = Defect("not_a_video", "This is no video that can be read.")


@dataclass(frozen=True)
class Frame:
    """One picture of a video: when it stands in it, in seconds, and its JPEG."""

    second: float
    content: bytes


@dataclass(frozen=True)
class Video:
    """A video that is being read: how long it is said to be (seconds, 0 where nobody knows), and its frames."""

    seconds: float
    frames: Iterator[Frame]


def is_installed() -> bool:
    """Tell whether videos can be read."""
    return importlib.util.find_spec("cv2") is not None


def is_video(path: Path) -> bool:
    """Tell by its first bytes whether a file is MP4, QuickTime, WebM, Matroska or AVI."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    is_mp4 = head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
    return is_mp4 or head.startswith(b"\x1aE\xdf\xa3") or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")


@contextmanager
def opened(path: Path, *, every: float, after: float, max_pixels: int) -> Iterator[Video]:
    """Open a video for the length of a block: a frame each `every` seconds, of those behind the second `after`.

    Raises Defect here, or while the frames are read: for what is no video, is too large, or takes too long.
    """
    if not is_installed():
        raise NOT_INSTALLED
    if not is_video(path):
        raise UNREADABLE
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "training.frames", str(MEGABYTES)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "OFF", "OPENCV_FFMPEG_LOGLEVEL": "-8"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root, env=environment
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            asked = {"path": str(path), "every": every, "after": after, "max_pixels": max_pixels}
            send(process.stdin, asked, b"")
            told, _ = _received(process.stdout)
            yield Video(told["seconds"], _frames(process.stdout))
        except OSError as error:
            raise UNREADABLE from error
        finally:
            process.kill()


def _frames(source: IO[bytes]) -> Iterator[Frame]:
    while True:
        told, content = _received(source)
        if "second" not in told:
            return
        yield Frame(told["second"], content)


def _received(source: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    try:
        told, content = receive(source)
    except EOFError as error:  # it was ended: by its own limits, or by a fault of the decoder
        raise Defect("video_broke_the_decoder", "The video took too much time or memory, or broke the decoder.") from error
    if "reason" in told:
        raise Defect(told["reason"], told["detail"])
    return told, content


def main() -> None:
    """Read the video that is asked for, to its end or until nobody listens."""
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    most = int(sys.argv[1]) << 20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    asked, _ = receive(source)
    try:
        for told, content in _read(**asked):
            send(out, told, content)
        send(out, {}, b"")
    except Defect as defect:
        send(out, {"reason": defect.reason, "detail": defect.detail}, b"")
    except BrokenPipeError:
        os._exit(0)


def _read(path: str, every: float, after: float, max_pixels: int) -> Iterator[tuple[dict[str, Any], bytes]]:
    import cv2

    cv2.setNumThreads(1)
    video = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    width, height = (int(video.get(what)) for what in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if not video.isOpened() or width < 1 or height < 1:
        raise UNREADABLE
    if width * height > max_pixels:
        raise Defect("too_many_pixels", f"A video may have {max_pixels:,} pixels a frame at most.")
    rate, count = video.get(cv2.CAP_PROP_FPS), video.get(cv2.CAP_PROP_FRAME_COUNT)
    rate = rate if 0 < rate < 1_000 else 25.0
    yield {"seconds": max(0.0, count / rate) if count < 1e9 else 0.0}, b""
    due, number = max(0.0, after + every) if after >= 0 else 0.0, 0
    while video.grab():
        second = max(video.get(cv2.CAP_PROP_POS_MSEC) / 1_000, 0.0) or number / rate
        number += 1
        if second + 0.5 / rate < due:
            continue
        is_there, picture = video.retrieve()
        is_written, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]) if is_there else (False, None)
        if is_written and content is not None:
            yield {"second": round(second, 3)}, content.tobytes()
        due = max(due + every, second + every / 2)
    if not number:
        raise UNREADABLE


if __name__ == "__main__":
    main()
