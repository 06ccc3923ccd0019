"""Proving that a store keeps its promises: each is tried on it for real, with objects that are removed afterwards.

What was tried and came out otherwise is a FAIL with how to mend it; what only should be known is a NOTE.
"""

import base64
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from core.file_store import FileStore
from core.storage import AlreadyStored, ObjectMissing, SignedRequest, Store, StoreError, as_bucket, new_name
from core.store_asking import Answer, ask_hub, ask_service

SECONDS = 300
METADATA = {"city_id": "city_check", "event_id": "übung 1 % done", "label_status": "correct"}
IMAGE, PAGE = "image/jpeg", "text/html"


class Verdict(StrEnum):
    """How one line came out."""

    OK = "ok"
    FAIL = "FAIL"
    NOTE = "note"


@dataclass(frozen=True)
class Line:
    """One promise: what came of it in a sentence, and how to mend it where it is broken."""

    name: str
    verdict: Verdict
    detail: str
    mend: str = ""

    def as_document(self) -> dict[str, str]:
        """Spell it for a row or for JSON."""
        return asdict(self)


class Broken(Exception):
    """The store did not keep the promise."""

    def __init__(self, detail: str, mend: str) -> None:
        super().__init__(detail)
        self.mend = mend


class Noted(Exception):
    """There is nothing to try here, only something to know."""


@dataclass
class Trial:
    """A store under trial, the same one by its read-only key, and the objects made on the way."""

    store: Store
    reader: Store
    origin: str = ""
    made: list[str] = field(default_factory=list)
    content: bytes = b"0123456789" * 100

    def __post_init__(self) -> None:
        self.name = self.fresh(IMAGE)

    def fresh(self, media_type: str) -> str:
        """Answer a new name, to be removed in the end."""
        self.made.append(new_name(media_type))
        return self.made[-1]

    def put(self, name: str, media_type: str = IMAGE) -> None:
        """Store the content under a name."""
        self.store.put_new(name, io.BytesIO(self.content), media_type=media_type, metadata=METADATA)

    def signed_put(self, name: str, store: Store | None = None) -> SignedRequest:
        """Sign the upload of the content."""
        md5 = hashlib.md5(self.content, usedforsecurity=False).hexdigest()
        signer = store or self.store
        return signer.presign_put(name, md5=md5, size=len(self.content), media_type=IMAGE, metadata=METADATA, seconds=SECONDS)

    def signed_part(self, name: str, upload: str) -> SignedRequest:
        """Sign the content as the only part of an upload in parts."""
        md5 = hashlib.md5(self.content, usedforsecurity=False).hexdigest()
        return self.store.presign_part(name, upload, number=1, md5=md5, size=len(self.content), seconds=SECONDS)

    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """Send a request as any client would; the file store's goes to the hub's own view."""
        send = ask_hub if isinstance(self.store, FileStore) else ask_service
        return send(method, url, dict(headers or {}), body)


def check(store: Store, reader: Store, origin: str = "") -> list[Line]:
    """Try every promise; `reader` is the store by its read-only key, or the store itself. Raises StoreError where nobody answers.

    `origin` is the portal's scheme://host[:port], whose pages send parts of large files here.
    """
    trial = Trial(store, reader, origin)
    try:
        trial.put(trial.name)  # a store that does not answer proves nothing, good or bad
        return [_tried(name, probe, trial) for name, probe in PROBES.items()] + [
            Line(name, Verdict.NOTE, detail) for name, detail in _facts(store)
        ]
    finally:
        for name in trial.made:
            with suppress(StoreError):
                store.remove(name)


def _tried(name: str, probe: Callable[[Trial], str], trial: Trial) -> Line:
    try:
        return Line(name, Verdict.OK, probe(trial))
    except Broken as broken:
        return Line(name, Verdict.FAIL, str(broken), broken.mend)
    except Noted as noted:
        return Line(name, Verdict.NOTE, str(noted))
    except StoreError as error:
        return Line(name, Verdict.FAIL, f"The store refused: {error}", "Look at the store's own log and the key's rights.")


def _facts(store: Store) -> Iterator[tuple[str, str]]:
    if bucket := as_bucket(store):
        from core.s3_setup import facts_of

        yield from facts_of(bucket)
    else:
        yield "versioning", "The file store keeps one version of an object; back the folder up."


def _reads_back(trial: Trial) -> str:
    with trial.store.open_object(trial.name) as stream:
        if stream.read() != trial.content:
            raise Broken("An object came back other than it was put.", "Use another store: this one changes what it is given.")
    return f"An object of {len(trial.content)} bytes was put and read."


def _keeps_metadata(trial: Trial) -> str:
    found = trial.store.stat(trial.name).metadata
    if dict(found) != METADATA:
        raise Broken(f"Metadata came back as {dict(found)}.", "Look for a proxy between hub and store that drops headers.")
    return "Metadata came back, also what is not ASCII."


def _refuses_overwriting(trial: Trial) -> str:
    mend = "Use a store that honours If-None-Match on PUT, or set STORE_ALLOW_OVERWRITE=1 and switch versioning on."
    name = trial.fresh(IMAGE)
    trial.put(name)
    try:
        trial.store.put_new(name, io.BytesIO(b"another"), media_type=IMAGE, metadata=METADATA)
    except AlreadyStored:
        with trial.store.open_object(name) as stream:
            if stream.read() == trial.content:
                return "A second object under the same name was refused."
    raise Broken("A second object under the same name took the place of the first.", mend)


def _serves_signed(trial: Trial) -> str:
    answer = trial.ask("GET", trial.store.presign_get(trial.name, seconds=SECONDS).url)
    if answer.status != 200 or answer.body != trial.content:
        raise Broken(f"A signed address answered {answer.status}.", "STORE_PUBLIC_URL must lead to this store, from here too.")
    return "A signed address answers the object."


def _serves_ranges(trial: Trial) -> str:
    url = trial.store.presign_get(trial.name, seconds=SECONDS).url
    answer = trial.ask("GET", url, {"range": "bytes=3-5"})
    if answer.status != 206 or answer.body != trial.content[3:6]:
        raise Broken(f"A byte range was answered with {answer.status}.", "Without ranges no download can be continued.")
    return "A byte range is answered alone."


def _honours_expiry(trial: Trial) -> str:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    status = trial.ask("GET", trial.store.presign_get(trial.name, seconds=60, at=long_ago).url).status
    if status < 400:
        raise Broken(
            "An address that has expired is still answered.", "Set the clocks of hub and store; look for a cache between."
        )
    return f"An address that has expired is refused ({status})."


def _is_private(trial: Trial) -> str:
    mend = "Take public rights from the bucket (policy and ACL); `manage.py storage setup` blocks them where the service can."
    bare = trial.store.presign_get(trial.name, seconds=SECONDS).url.partition("?")[0]
    if (status := trial.ask("GET", bare).status) < 400:
        raise Broken(f"An object was answered ({status}) to somebody without a signature.", mend)
    if as_bucket(trial.store) and trial.ask("GET", bare.rpartition("/")[0]).status < 400:
        raise Broken("The bucket's list was answered to somebody without a signature.", mend)
    if trial.ask("PUT", bare.replace(trial.name, trial.fresh(IMAGE)), {"content-type": IMAGE}, b"x").status < 400:
        raise Broken("Somebody without a signature could put an object.", mend)
    return f"Nothing is answered without a signature ({status})."


def _takes_what_was_signed(trial: Trial) -> str:
    name = trial.fresh(IMAGE)
    signed = trial.signed_put(name)
    status = trial.ask(signed.method, signed.url, signed.headers, trial.content).status
    if status not in {200, 201, 204}:
        raise Broken(f"A signed upload was answered with {status}.", "STORE_PUBLIC_URL must lead to this store, from here too.")
    if dict(trial.store.stat(name).metadata) != METADATA:
        raise Broken("A signed upload lost its metadata.", "Look for a proxy in front of the store that drops headers.")
    return "A signed upload arrives with its metadata."


def _refuses_a_second_upload(trial: Trial) -> str:
    signed = trial.signed_put(trial.name)
    status = trial.ask(signed.method, signed.url, signed.headers, trial.content).status
    if status != 412:
        raise Broken(
            f"A signed upload under a name that is taken was answered with {status}, not 412.",
            "Use a store that honours If-None-Match on PUT, or set STORE_ALLOW_OVERWRITE=1 and switch versioning on.",
        )
    return "A signed upload under a name that is taken is refused (412)."


def _enforces_the_checksum(trial: Trial) -> str:
    forged = trial.content[::-1]
    own = base64.b64encode(hashlib.md5(forged, usedforsecurity=False).digest()).decode()
    return _refuses_other(trial, "content", forged, {}, {"content-md5": own})


def _enforces_the_length(trial: Trial) -> str:
    longer = trial.content + b"x"
    return _refuses_other(trial, "length", longer, {"content-length": str(len(longer))})


def _enforces_the_metadata(trial: Trial) -> str:
    signed = trial.signed_put(trial.fresh(IMAGE)).headers
    key = next(name for name in signed if name.endswith(("meta-city_id", "meta-city-id")))
    return _refuses_other(trial, "metadata", trial.content, {key: "city_other"})


def _refuses_other(trial: Trial, what: str, body: bytes, *changes: Mapping[str, str]) -> str:
    """Send `body` with changed headers, each set of changes by itself; nothing of it may arrive."""
    statuses = set()
    for change in changes:
        name = trial.fresh(IMAGE)
        signed = trial.signed_put(name)
        statuses.add(trial.ask(signed.method, signed.url, {**signed.headers, **change}, body).status)
        with suppress(ObjectMissing):
            trial.store.stat(name)
            raise Broken(f"A signed upload took other {what} than was signed.", "Use a store that checks signed headers.")
    return f"Other {what} than was signed is refused ({', '.join(map(str, sorted(statuses)))})."


def _takes_parts(trial: Trial) -> str:
    """Send an object as one signed part, after one of other content than was signed."""
    name = trial.fresh(IMAGE)
    upload = trial.store.begin_parts(name, media_type=IMAGE, metadata=METADATA)
    try:
        refused = _sent_as_a_part(trial, name, upload)
    except BaseException:
        trial.store.abort_parts(name, upload)
        raise
    with trial.store.open_object(name) as stream:
        if stream.read() != trial.content or dict(trial.store.stat(name).metadata) != METADATA:
            raise Broken("An object that came in parts is another one.", "Use another store for large files.")
    return f"An object came in a signed part, and other content was refused ({refused})."


def _sent_as_a_part(trial: Trial, name: str, upload: str) -> int:
    signed = trial.signed_part(name, upload)
    refused = trial.ask(signed.method, signed.url, signed.headers, trial.content[::-1]).status
    if refused < 400 or trial.store.parts_of(name, upload):
        raise Broken("A signed part took other content than was signed.", "Use a store that checks Content-MD5 of parts.")
    status = trial.ask(signed.method, signed.url, signed.headers, trial.content).status
    parts = trial.store.parts_of(name, upload)
    if status != 200 or [part.size for part in parts] != [len(trial.content)]:
        raise Broken(f"A signed part was answered with {status}.", "Look for a proxy before the store that drops queries.")
    trial.store.complete_parts(name, upload, parts)
    return refused


def _lets_pages_send(trial: Trial) -> str:
    """Ask as a browser does before a page of the portal sends a part, and with it."""
    if isinstance(trial.store, FileStore):
        raise Noted("Pages send to the hub itself, which serves the folder.")
    if not trial.origin:
        raise Noted("PUBLIC_URL is not set: nobody knows where the portal's pages come from.")
    mend = f"pages of {trial.origin} cannot bring large files; `manage.py storage setup` writes the bucket's CORS."
    name = trial.fresh(IMAGE)
    signed = trial.signed_put(name)
    wished = {"access-control-request-method": "PUT", "access-control-request-headers": "content-md5,content-type"}
    before = trial.ask("OPTIONS", signed.url, {"origin": trial.origin, **wished})
    allowed = {word.strip().lower() for word in before.headers.get("access-control-allow-headers", "").split(",")}
    if before.status >= 400 or not _allows(before, trial.origin) or not allowed & {"*", "content-md5"}:
        raise Noted(f"What a browser asks before it sends is refused ({before.status}): {mend}")
    answer = trial.ask(signed.method, signed.url, {**signed.headers, "origin": trial.origin}, trial.content)
    exposed = answer.headers.get("access-control-expose-headers", "").lower()
    if not _allows(answer, trial.origin) or "etag" not in exposed:
        raise Noted(f"What the store answers to a page hides the ETag: {mend}")
    return f"Pages of {trial.origin} may send parts, and read the ETag."


def _allows(answer: Answer, origin: str) -> bool:
    return answer.headers.get("access-control-allow-origin") in {"*", origin}


def _hands_over_safely(trial: Trial) -> str:
    name = trial.fresh(PAGE)
    trial.put(name, PAGE)
    headers = trial.ask("GET", trial.store.presign_get(name, seconds=SECONDS).url).headers
    image = trial.ask("GET", trial.store.presign_get(trial.name, seconds=SECONDS).url).headers
    if not headers.get("content-disposition", "").startswith("attachment") or PAGE in headers.get("content-type", ""):
        raise Broken("A stored page was answered as a page.", "Use a store that honours response-content-disposition.")
    if image.get("content-type") != IMAGE:
        raise Broken("An image was not answered as an image.", "Use a store that honours response-content-type.")
    return "Only images are shown in place; all else is handed over as a file."


def _reader_only_reads(trial: Trial) -> str:
    if trial.reader is trial.store:
        raise Noted("STORE_READ_URL is not set: addresses for training are signed with the hub's own key.")
    if trial.ask("GET", trial.reader.presign_get(trial.name, seconds=SECONDS).url).status != 200:
        raise Broken("The read-only key cannot read.", "Give the key of STORE_READ_URL the right to get objects.")
    mend = "Take from the key of STORE_READ_URL the rights to put and delete objects."
    signed = trial.signed_put(trial.fresh(IMAGE), trial.reader)
    if (status := trial.ask(signed.method, signed.url, signed.headers, trial.content).status) < 400:
        raise Broken("The read-only key can put objects.", mend)
    with suppress(StoreError):
        trial.reader.remove(trial.name)
    try:
        trial.store.stat(trial.name)
    except ObjectMissing as error:
        raise Broken("The read-only key can delete objects.", mend) from error
    return f"The key of STORE_READ_URL reads, and can neither put ({status}) nor delete."


def _removes(trial: Trial) -> str:
    trial.store.remove(trial.name)
    with suppress(ObjectMissing):
        trial.store.stat(trial.name)
        raise Broken("An object that was deleted is still there.", "Give the hub's key the right to delete objects.")
    return "An object that was deleted is gone."


PROBES: dict[str, Callable[[Trial], str]] = {
    "put": _reads_back,
    "metadata": _keeps_metadata,
    "overwrite": _refuses_overwriting,
    "signed get": _serves_signed,
    "range": _serves_ranges,
    "expiry": _honours_expiry,
    "no public access": _is_private,
    "signed put": _takes_what_was_signed,
    "signed put, name taken": _refuses_a_second_upload,
    "signed put, checksum": _enforces_the_checksum,
    "signed put, length": _enforces_the_length,
    "signed put, metadata": _enforces_the_metadata,
    "signed parts": _takes_parts,
    "pages send": _lets_pages_send,
    "safe types": _hands_over_safely,
    "read-only key": _reader_only_reads,
    "delete": _removes,
}
CLOSING_NONE = frozenset({"read-only key", "signed parts"})
"""What these lines find broken has nothing to do with what cities send, and closes no upload."""
OVERWRITING = frozenset({"overwrite", "signed put, name taken"})
"""The lines that STORE_ALLOW_OVERWRITE forgives."""
