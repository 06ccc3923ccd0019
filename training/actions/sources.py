"""Where the pictures of a growth come from: an archive or a video, fetched into scratch, read chunk by chunk."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings

from core.errors import Invalid
from core.storage import chunks_of, reading
from learning.defects import Defect
from learning.models import StoredObject
from learning.stripping import stripped
from training import frames, local
from training.actions.taking import Taking
from training.archives import ArchiveSource, Damaged, open_archive
from training.formats.base import is_image

Tick = Callable[[], None]
OVERSIZE = "oversize"
DAMAGED = "damaged"
NOT_AN_IMAGE = "file_ignored"
MILLI = 1_000


class ImagesOfArchive:
    """The images of an archive, by name, without what says whose and where; `left_out` counts what is none, or not safe to read."""

    def __init__(self, source: ArchiveSource) -> None:
        names = source.names()
        self._source = source
        self.names = [name for name in names if is_image(name)]
        ignored = len(names) - len(self.names)
        self.left_out = source.left_out + Counter({NOT_AN_IMAGE: ignored} if ignored else {})

    def read(self, names: Sequence[str]) -> list[Taking]:
        """Read some of the images; one that cannot be read comes with its defect."""
        return [self._one(name) for name in names]

    def _one(self, name: str) -> Taking:
        shown = name.rpartition("/")[2] if len(name) > 255 else name
        if self._source.size(name) > settings.UPLOAD_MAX_BYTES:
            detail = f"An image may have {settings.UPLOAD_MAX_BYTES:,} bytes at most."
            return Taking(shown, defect=Defect(OVERSIZE, detail))
        try:
            with self._source.open(name) as stream:
                return Taking(shown, stripped(stream.read()))
        except Damaged as damage:
            return Taking(shown, defect=Defect(DAMAGED, str(damage)[:300]))


class FramesOfVideo:
    """The frames of a video, as pictures of one group; `position` is that of the last one, in milliseconds and one more."""

    def __init__(self, video: frames.Video, source: StoredObject, name: str, options: Mapping[str, Any]) -> None:
        self._frames, self._name = video.frames, name
        self._group = f"video:{source.sha256}"
        said = options.get("captured_at")
        self._began = datetime.fromisoformat(said) if said else None
        every = options["every_seconds"]
        self.total = min(frames.MAX_FRAMES, int(video.seconds / every) + 1) if video.seconds else None
        self.position = 0
        self.is_cut = False

    def read(self, seen: int, count: int) -> list[Taking]:
        """Read the next frames, up to the most that are taken of a video; raises Invalid for a video that is none."""
        try:
            read = list(islice(self._frames, min(count, frames.MAX_FRAMES - seen)))
            if not read and seen >= frames.MAX_FRAMES:
                self.is_cut = next(self._frames, None) is not None
        except Defect as defect:
            raise Invalid(defect.detail, code=defect.reason) from defect
        if read:
            self.position = round(read[-1].second * MILLI) + 1
        return [self._picture(frame) for frame in read]

    def _picture(self, frame: frames.Frame) -> Taking:
        at = self._began + timedelta(seconds=frame.second) if self._began else None
        name = f"{self._name[-200:]}@{frame.second:09.3f}.jpg"
        return Taking(name, frame.content, captured_at=at, group=self._group, second=frame.second)


@contextmanager
def archive_images(source: StoredObject, *, tick: Tick) -> Iterator[ImagesOfArchive]:
    """Open an archive of images for the length of a block; raises Invalid."""
    with fetched(source, tick=tick) as path, open_archive(path, scratch=path.parent, tick=tick) as archive:
        yield ImagesOfArchive(archive)


@contextmanager
def video_frames(
    source: StoredObject, name: str, options: Mapping[str, Any], *, after: int, tick: Tick
) -> Iterator[FramesOfVideo]:
    """Open a video for the length of a block, behind a position; raises Invalid."""
    facts = {"every": options["every_seconds"], "after": (after - 1) / MILLI if after else -1.0}
    with fetched(source, tick=tick) as path:
        try:
            with frames.opened(path, max_pixels=settings.UPLOAD_MAX_PIXELS, **facts) as video:
                yield FramesOfVideo(video, source, name, options)
        except Defect as defect:
            raise Invalid(defect.detail, code=defect.reason) from defect


@contextmanager
def fetched(source: StoredObject, *, tick: Tick) -> Iterator[Path]:
    """Copy an object into a scratch folder of its own for the length of a block."""
    with TemporaryDirectory(dir=local.scratch()) as folder:
        path = Path(folder) / "source"
        with reading(source.name, source.alias) as stream, path.open("xb") as out:
            for piece in chunks_of(stream):
                out.write(piece)
                tick()
        yield path
