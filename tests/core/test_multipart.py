"""An object that comes in parts: the same protocol on the file store and on a real S3, whichever the tests run on."""

import hashlib
import io
from itertools import product

import pytest

from core import s3_store
from core.storage import AlreadyStored, ObjectMissing, Part, StoreError, new_name, put_bytes, reading, store
from tests.core.clock import yesterday
from tests.core.test_storage import METADATA, Sender

FIRST, LAST = bytes(range(256)) * (5 << 12), b"the end"
"""All but the last have 5 MiB at least, as S3 demands."""


@pytest.fixture
def send(client) -> Sender:
    return Sender(client)


@pytest.fixture
def begun() -> tuple[str, str]:
    name = new_name("application/zip")
    return name, store().begin_parts(name, media_type="application/zip", metadata=METADATA)


def signed_part(name: str, upload: str, number: int, content: bytes, **changes):
    facts = {"md5": hashlib.md5(content).hexdigest(), "size": len(content), "seconds": 600, **changes}
    return store().presign_part(name, upload, number=number, **facts)


def put_part(send, name: str, upload: str, number: int, content: bytes) -> int:
    signed = signed_part(name, upload, number, content)
    return send("PUT", signed.url, signed.headers, content)[0]


def test_parts_sent_in_any_order_become_one_object_however_often_it_is_completed(send, begun):
    name, upload = begun
    assert store().parts_of(name, upload) == []
    assert put_part(send, name, upload, 2, LAST) == 200
    assert put_part(send, name, upload, 1, b"a first try") == 200
    assert put_part(send, name, upload, 1, FIRST) == 200
    parts = store().parts_of(name, upload)
    assert [(part.number, part.size) for part in parts] == [(1, len(FIRST)), (2, len(LAST))]
    assert [part.etag for part in parts] == [hashlib.md5(part).hexdigest() for part in (FIRST, LAST)]
    with pytest.raises(ObjectMissing):
        store().stat(name)
    stat = store().complete_parts(name, upload, parts)
    assert store().complete_parts(name, upload, parts) == stat == store().stat(name)
    assert (stat.size, stat.media_type, stat.metadata) == (len(FIRST) + len(LAST), "application/zip", METADATA)
    with reading(name) as stream:
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(FIRST + LAST).digest()
    with pytest.raises(ObjectMissing):
        store().parts_of(name, upload)
    assert put_part(send, name, upload, 3, b"late") == 404


def test_a_signed_part_takes_exactly_what_was_signed(send, begun):
    name, upload = begun
    signed = signed_part(name, upload, 1, b"part")
    other = new_name("application/zip"), store().begin_parts(new_name("application/zip"), media_type="x/y", metadata={})
    assert 400 <= send("PUT", signed.url, signed.headers, b"PART")[0] < 500
    for place, number in product((name, other[0]), ("1", "2")):
        url = signed.url.replace(name, place).replace("artNumber=1", f"artNumber={number}").replace("part=1", f"part={number}")
        if url != signed.url:
            assert send("PUT", url, signed.headers, b"part")[0] == 403
    assert send("PUT", signed.url.replace(upload, other[1]), signed.headers, b"part")[0] == 403
    shorter = signed_part(name, upload, 1, b"part", size=3)
    assert 400 <= send("PUT", shorter.url, {**shorter.headers, "content-length": "4"}, b"part")[0] < 500
    assert send("GET", signed.url)[0] in (403, 404)
    with yesterday():
        late = signed_part(name, upload, 1, b"part")
    assert send("PUT", late.url, late.headers, b"part")[0] == 403
    assert store().parts_of(name, upload) == []


def test_what_was_given_up_is_gone_and_cannot_be_completed(send, begun):
    name, upload = begun
    assert put_part(send, name, upload, 1, LAST) == 200
    store().abort_parts(name, upload)
    store().abort_parts(name, upload)
    assert put_part(send, name, upload, 1, LAST) == 404
    with pytest.raises(StoreError):
        store().complete_parts(name, upload, [Part(1, len(LAST), hashlib.md5(LAST).hexdigest())])
    put_bytes(name, b"free again", media_type="text/plain", metadata={})


def test_an_object_is_not_made_of_parts_that_never_came(send, begun):
    name, upload = begun
    assert put_part(send, name, upload, 1, FIRST) == 200
    parts = [*store().parts_of(name, upload), Part(2, 3, "0" * 32)]
    with pytest.raises(StoreError):
        store().complete_parts(name, upload, parts)
    with pytest.raises(ObjectMissing):
        store().stat(name)


def test_what_is_very_large_is_put_in_parts_and_once(monkeypatch):
    """On S3; a folder takes any size at once."""
    monkeypatch.setattr(s3_store, "IN_PARTS_FROM", 1 << 20)
    monkeypatch.setattr(s3_store, "PART_BYTES", len(FIRST))
    name, content = new_name("application/zip"), FIRST + FIRST + LAST
    stat = put_bytes(name, content, media_type="application/zip", metadata=METADATA)
    assert (stat.size, stat.media_type, stat.metadata) == (len(content), "application/zip", METADATA)
    with reading(name) as stream:
        assert stream.read() == content
    with pytest.raises(AlreadyStored):
        put_bytes(name, content, media_type="application/zip", metadata=METADATA)
    broken, other = io.BytesIO(content), new_name("application/zip")
    monkeypatch.setattr(broken, "read", reads_then_fails(broken.read))
    with pytest.raises(OSError, match="disk"):
        store().put_new(other, broken, media_type="application/zip", metadata=METADATA)
    with pytest.raises(ObjectMissing):
        store().stat(other)


def reads_then_fails(read):
    """Answer a reading that gives a first piece, and then finds that the disk is broken."""
    pieces = iter([0])

    def reading_once(size=-1):
        for _ in pieces:
            return read(size)
        raise OSError("the disk is broken")

    return reading_once
