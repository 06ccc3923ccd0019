"""Fetching what a downloaded job's folder does not hold yet: its files by their signed addresses. Knows no database and no Django."""

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from training.trainers.work import MANIFEST_NAME, OBJECTS_NAME, Unfit, Work

AT_ONCE = 8
CHUNK = 256
PIECE = 1 << 18
TRIES = 3
SECONDS = 60


@dataclass(frozen=True)
class Wanted:
    """A file that is to lie at `path`, with these bytes."""

    path: Path
    sha256: str
    url: str | None


def fetch(work: Work) -> int:
    """Fetch what is missing, several files at a time, and check each; answers how many. Raises Unfit and Stopped."""
    done, missing = 0, _missing(work)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch") as pool:
        while chunk := list(islice(missing, CHUNK)):
            list(pool.map(_fetch, chunk))
            done += len(chunk)
            work.check_stop()
            work.log(f"{done} files fetched.")
    return done


def _missing(work: Work) -> Iterator[Wanted]:
    for told in work.job["fetch"]:
        yield from _absent(work.folder / told["file"], told["sha256"], told["url"])
    asked = set()
    with (work.folder / MANIFEST_NAME).open("rb") as lines:
        for text in lines:
            line = json.loads(text)
            if line["file"] not in asked:
                asked.add(line["file"])
                yield from _absent(work.folder / OBJECTS_NAME / line["file"], line["object"]["sha256"], line["url"])


def _absent(path: Path, sha256: str, url: str | None) -> Iterator[Wanted]:
    if not path.exists():
        yield Wanted(path, sha256, url)


def _fetch(wanted: Wanted) -> None:
    if wanted.url is None or not wanted.url.startswith(("http://", "https://")):
        raise Unfit(f"The file {wanted.path.name} is gone from the hub's store.")
    for tries_left in reversed(range(TRIES)):
        try:
            return _take(wanted.url, wanted)
        except urllib.error.HTTPError as error:
            if error.code in (400, 401, 403):
                sentence = (
                    "The addresses of the files are good for an hour; download the folder again and unpack it over this one."
                )
                raise Unfit(sentence) from error
            _give_up(wanted, error, tries_left)
        except OSError as error:
            _give_up(wanted, error, tries_left)
    return None


def _take(url: str, wanted: Wanted) -> None:
    wanted.path.parent.mkdir(parents=True, exist_ok=True)
    part, digest = wanted.path.with_name(f".{wanted.path.name}.part"), hashlib.sha256()
    with urllib.request.urlopen(url, timeout=SECONDS) as answer, part.open("wb") as out:  # noqa: S310  (http, as was checked)
        while piece := answer.read(PIECE):
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != wanted.sha256:
        part.unlink()
        raise Unfit(f"The file {wanted.path.name} did not come with the bytes that were frozen.")
    part.replace(wanted.path)


def _give_up(wanted: Wanted, error: OSError, tries_left: int) -> None:
    if not tries_left:
        raise Unfit(f"The file {wanted.path.name} could not be fetched: {error}") from error
