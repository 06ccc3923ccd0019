"""The folder of a job to take along, as a ZIP: on any machine with this program, `python -m training.runner FOLDER` does the job.

It holds no image: each line of its manifest has a signed address, and the runner fetches what is missing, and checks it. So the
archive is small and is written as it is sent, a thousand members at a time, however many there are.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import orjson

from core.storage import read_only
from learning.models import StoredObject
from training import folder
from training.files import URL_SECONDS
from training.models import TrainingJob
from training.trainers.work import JOB_NAME, MANIFEST_NAME

README = """This is the job {name} of a Command Centre, as its workers do it.

    python -m training.runner FOLDER

does it here (`pip install command-centre`, and its extra torch for some trainers). It writes JSON lines about how far it is,
and artifact/bundle.zip. First it fetches the {count} files of the manifest that are not below objects/ yet; their addresses are
good for {minutes} minutes from the download of this folder. After that, download it again, and unpack it over this one.
"""


class _Pipe(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def pieces(job: TrainingJob) -> Iterator[bytes]:
    """Yield the archive; raises Unprepared or StoreError before its first byte where the version cannot be read."""
    members, pipe = folder.members_of(job, lambda: None), _Pipe()
    first = next(members, [])
    document = {**folder.document_of(job), "fetch": [_bundle(name, kept) for name, kept in folder.bundles_of(job).items()]}
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(JOB_NAME, json.dumps(document, indent=1))
        count, minutes = job.dataset_version.sample_count, URL_SECONDS // 60
        archive.writestr("README.txt", README.format(name=job.name, count=count, minutes=minutes))
        yield pipe.take()
        with archive.open(MANIFEST_NAME, "w", force_zip64=True) as entry:
            while first:
                entry.write(_addressed(first))
                yield pipe.take()
                first = next(members, [])
    yield pipe.take()


def _addressed(lines: list[dict[str, Any]]) -> bytes:
    names = [line["object"]["name"] for line in lines]
    known = {kept.name: kept for kept in StoredObject.objects.filter(name__in=names, deleted_at__isnull=True)}
    return b"".join(
        orjson.dumps({**line, "url": _address(known[name]) if name in known else None}) + b"\n"
        for line, name in zip(lines, names, strict=True)
    )


def _bundle(name: str, kept: StoredObject) -> dict[str, str]:
    return {"file": name, "sha256": kept.sha256, "url": _address(kept)}


def _address(kept: StoredObject) -> str:
    return read_only(kept.alias).presign_get(kept.name, seconds=URL_SECONDS).url
