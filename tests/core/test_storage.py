"""The object store's promises, held by whichever store the tests run on: the file store, or a real S3."""

import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from core.storage import AlreadyStored, ObjectMissing, StoreError, new_name, put_bytes, reading, store
from tests.core.clock import yesterday

METADATA = {"city_id": "city_pune", "event_id": "plate ü 1"}


class Sender:
    """Sends a signed request to S3 itself, or to the hub that serves the file store."""

    def __init__(self, client) -> None:
        self.client = client

    def __call__(self, method: str, url: str, headers=None, content: bytes = b"") -> tuple[int, bytes, dict[str, str]]:
        if url.startswith("http://testserver"):
            sent = {key: value for key, value in (headers or {}).items() if key not in ("content-length", "content-type")}
            content_type = (headers or {}).get("content-type", "application/octet-stream")
            answer = self.client.generic(method, url, content, content_type, headers=sent)
            body = answer.getvalue() if answer.streaming else answer.content
            return answer.status_code, body, {key.lower(): value for key, value in answer.headers.items()}
        answer = httpx.request(method, url, headers=headers, content=content or None)
        return answer.status_code, answer.content, dict(answer.headers)


@pytest.fixture
def send(client) -> Sender:
    return Sender(client)


def signed_put(content: bytes, name: str | None = None, **changes):
    facts = {"md5": hashlib.md5(content).hexdigest(), "size": len(content), "media_type": "image/jpeg", "metadata": METADATA}
    return store().presign_put(name or new_name("image/jpeg"), seconds=600, **{**facts, **changes})


def test_what_was_put_can_be_read():
    name = new_name("text/plain")
    stat = put_bytes(name, b"hello", media_type="text/plain", metadata=METADATA)
    with reading(name) as stream:
        assert stream.read() == b"hello"
    assert store().stat(name) == stat
    assert stat.size == 5
    assert store().stat(name).metadata == METADATA


def test_an_object_is_never_overwritten():
    name = new_name("text/plain")
    put_bytes(name, b"first", media_type="text/plain", metadata=METADATA)
    with pytest.raises(AlreadyStored):
        put_bytes(name, b"second", media_type="text/plain", metadata={})
    with reading(name) as stream:
        assert stream.read() == b"first"
    assert store().stat(name).metadata == METADATA


def test_of_eight_writers_one_wins():
    name = new_name("text/plain")

    def put(number: int) -> bool:
        try:
            put_bytes(name, b"%d" % number, media_type="text/plain", metadata=METADATA)
        except AlreadyStored:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(put, range(8))) == 1


def test_what_is_not_there_is_missing():
    with pytest.raises(ObjectMissing):
        store().open_object(new_name("text/plain"))
    with pytest.raises(ObjectMissing):
        store().stat(new_name("text/plain"))


def test_remove_twice_is_safe():
    name = new_name("text/plain")
    put_bytes(name, b"x", media_type="text/plain", metadata={})
    store().remove(name)
    store().remove(name)
    with pytest.raises(ObjectMissing):
        store().stat(name)


def test_a_signed_put_takes_exactly_what_was_signed(send):
    signed = signed_put(b"picture")
    status, _, _ = send("PUT", signed.url, signed.headers, b"picture")
    assert status == 200
    name = signed.url.split("?")[0].rsplit("/", 1)[1]
    assert store().stat(name).metadata == METADATA
    assert send("PUT", signed.url, signed.headers, b"picture")[0] == 412


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({}, b"PICTURE"),
        ({"content-md5": base64.b64encode(hashlib.md5(b"PICTURE").digest()).decode()}, b"PICTURE"),
        ({"x-amz-meta-city_id": "city_mumbai", "x-amz-meta-city-id": "city_mumbai"}, b"picture"),
        ({"if-none-match": "x"}, b"picture"),
    ],
)
def test_a_signed_put_refuses_anything_else(send, change, body):
    signed = signed_put(b"picture")
    status, _, _ = send("PUT", signed.url, {**signed.headers, **change}, body)
    assert 400 <= status < 500
    with pytest.raises(ObjectMissing):
        store().stat(signed.url.split("?")[0].rsplit("/", 1)[1])


def test_a_signed_put_refuses_another_size(send):
    signed = signed_put(b"picture", size=6)
    assert 400 <= send("PUT", signed.url, {**signed.headers, "content-length": "7"}, b"picture")[0] < 500


def test_a_signed_get_reads_it_and_a_range_of_it(send):
    name = new_name("image/png")
    put_bytes(name, b"0123456789", media_type="image/png", metadata={})
    url = store().presign_get(name, seconds=600).url
    assert send("GET", url)[:2] == (200, b"0123456789")
    status, body, headers = send("GET", url, {"range": "bytes=3-5"})
    assert (status, body, headers["content-range"]) == (206, b"345", "bytes 3-5/10")
    assert send("GET", url, {"range": "bytes=7-"})[:2] == (206, b"789")
    assert send("GET", url, {"range": "bytes=10-"})[0] == 416


def test_the_url_of_an_object_stays_the_same_for_a_while():
    name = new_name("image/png")
    urls = {store().presign_get(name, seconds=86_400).url for _ in range(3)}
    assert len(urls) == 1


def test_a_get_url_is_good_for_that_object_and_for_reading_only(send):
    mine, other = new_name("image/png"), new_name("image/png")
    for name in (mine, other):
        put_bytes(name, b"x", media_type="image/png", metadata={})
    url = store().presign_get(mine, seconds=600).url
    assert send("GET", url.replace(mine, other))[0] == 403
    assert send("PUT", url, {}, b"y")[0] in (403, 411)
    assert send("GET", url.split("?")[0])[0] in (403, 404)


def test_a_url_expires(send):
    name = new_name("image/png")
    put_bytes(name, b"x", media_type="image/png", metadata={})
    with yesterday():
        url = store().presign_get(name, seconds=60).url
    assert send("GET", url)[0] == 403


def test_a_page_is_never_served_as_a_page(send):
    name = new_name("text/plain")
    put_bytes(name, b"<script>alert(1)</script>", media_type="text/html", metadata={})
    _, _, headers = send("GET", store().presign_get(name, seconds=600, filename="x.html").url)
    assert "attachment" in headers["content-disposition"]


def test_errors_are_the_stores_own():
    assert issubclass(AlreadyStored, StoreError)
    assert issubclass(ObjectMissing, StoreError)


def test_a_large_object_is_read_in_pieces():
    name = new_name("application/octet-stream")
    content = bytes(range(256)) * 16_384
    store().put_new(name, io.BytesIO(content), media_type="application/octet-stream", metadata={})
    with reading(name) as stream:
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(content).digest()


def test_an_object_is_read_line_by_line_as_a_file_is():
    name = new_name("application/jsonl")
    lines = [b"%d %s\n" % (number, b"x" * 700) for number in range(40)]
    put_bytes(name, b"".join(lines), media_type="application/jsonl", metadata={})
    with reading(name) as stream:
        assert list(stream) == lines
