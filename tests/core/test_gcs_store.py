"""Google's store against a server that speaks the shapes of its published reference; never tried against Google itself."""

import hashlib
import hmac
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import httpx
import pytest

from config import services
from core.gcs_store import GcsStore
from core.storage import AlreadyStored, ObjectMissing, new_name

KEY, SECRET = "GOOGTS7C7FUP3AIRVJTE2BCD", "bGoa+V7g/yqDXvKRqq+JTFn4uQZbPiQJo4pf9RzJ"
METADATA = {"city_id": "city_pune", "event_id": "ü 1"}
LIST = '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://doc.s3.amazonaws.com/2006-03-01"><Name>b</Name><Prefix></Prefix><KeyCount>{count}</KeyCount><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>'
ENTRY = "<Contents><Key>{name}</Key><Generation>1</Generation><MetaGeneration>1</MetaGeneration><LastModified>2026-11-20T08:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>{size}</Size></Contents>"


def signature_of(handler, query: dict[str, str]) -> str:
    """Sign what arrived, written anew from Google's description of canonical requests."""
    day, _, _, _ = scope = query["X-Goog-Credential"].split("/")[1:]
    assert scope[1:] == ["auto", "storage", "goog4_request"]
    assert query["X-Goog-Date"].startswith(day)
    names = query["X-Goog-SignedHeaders"].split(";")
    rest = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(query.items()) if k != "X-Goog-Signature")
    headers = "".join(f"{name}:{handler.headers[name]}\n" for name in names)
    path = urlsplit(handler.path).path
    canonical = "\n".join([handler.command, path, rest, headers, ";".join(names), "UNSIGNED-PAYLOAD"])
    text = "\n".join(
        ["GOOG4-HMAC-SHA256", query["X-Goog-Date"], "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"GOOG4{SECRET}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


class Google(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: dict[str, tuple[bytes, dict[str, str]]]

    def log_message(self, *_):
        pass

    def answer(self, status: int, body: bytes = b"", headers=None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def authorised(self) -> bool:
        query = dict(parse_qsl(urlsplit(self.path).query))
        if "X-Goog-Signature" in query:
            return hmac.compare_digest(signature_of(self, query), query["X-Goog-Signature"])
        return self.headers.get("Authorization", "").startswith(f"AWS4-HMAC-SHA256 Credential={KEY}/")

    @property
    def name(self) -> str:
        return unquote(urlsplit(self.path).path.removeprefix("/b").removeprefix("/"))

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        names = {name.lower() for name in self.headers}
        mixed = any(name.startswith("x-amz-") for name in names) and any(name.startswith("x-goog-") for name in names)
        if not self.authorised():
            self.answer(403)
        elif mixed:
            self.answer(400, b"<Error><Code>ExcessHeaderValues</Code></Error>")
        elif self.headers["x-goog-if-generation-match"] == "0" and self.name in self.objects:
            self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        else:
            kept = {k.lower(): v for k, v in self.headers.items() if k.lower().startswith("x-goog-meta-")}
            self.objects[self.name] = body, {**kept, "content-type": self.headers["Content-Type"]}
            self.answer(200, headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"', "x-goog-generation": "1"})

    def do_GET(self):
        if not self.authorised():
            self.answer(403)
        elif not self.name:
            entries = "".join(ENTRY.format(name=name, size=len(body)) for name, (body, _) in sorted(self.objects.items()))
            self.answer(200, LIST.format(count=len(self.objects), entries=entries).encode())
        elif self.name not in self.objects:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            body, facts = self.objects[self.name]
            # spoken to with S3's signature, Google answers its metadata under S3's names
            headers = {name.replace("x-goog-meta-", "x-amz-meta-"): value for name, value in facts.items()}
            self.answer(200, body, {**headers, "ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def do_HEAD(self):
        self.do_GET()

    def do_DELETE(self):
        self.answer(204 if self.objects.pop(self.name, None) else 404)


@pytest.fixture
def gcs():
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Google,), {"objects": {}}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"gs://{KEY}:{quote(SECRET, safe='')}@b?endpoint=http://127.0.0.1:{server.server_address[1]}"
    made = services.object_store(url, "", "", None, "")
    assert made["BACKEND"] == "core.gcs_store.GcsStore"
    yield GcsStore(**made["OPTIONS"])
    server.shutdown()
    server.server_close()
    thread.join()


def put(gcs, name, content=b"picture"):
    return gcs.put_new(name, io.BytesIO(content), media_type="image/jpeg", metadata=METADATA)


def test_an_object_is_put_once_and_read_back(gcs):
    name = new_name("image/jpeg")
    stat = put(gcs, name)
    assert stat.etag == hashlib.md5(b"picture").hexdigest()
    with pytest.raises(AlreadyStored):
        put(gcs, name, b"another")
    with gcs.open_object(name) as stream:
        assert stream.read() == b"picture"
    assert gcs.stat(name) == stat
    assert [listed.name for listed in gcs.listing()] == [name]
    gcs.remove(name)
    gcs.remove(name)
    with pytest.raises(ObjectMissing):
        gcs.stat(name)


def test_an_empty_object_can_be_put(gcs):
    assert put(gcs, new_name("image/jpeg"), b"").size == 0


def test_an_upload_is_signed_for_exactly_this_and_a_free_name(gcs):
    name, content = new_name("image/jpeg"), b"picture"
    md5 = hashlib.md5(content).hexdigest()
    signed = gcs.presign_put(name, md5=md5, size=7, media_type="image/jpeg", metadata=METADATA, seconds=600)
    assert signed.headers["x-goog-if-generation-match"] == "0"
    other = {**signed.headers, "x-goog-meta-city_id": "city_mumbai"}
    assert httpx.put(signed.url, headers=other, content=content).status_code == 403
    assert httpx.put(signed.url, headers=signed.headers, content=content).status_code == 200
    assert httpx.put(signed.url, headers=signed.headers, content=content).status_code == 412
    assert gcs.stat(name).metadata == METADATA


def test_a_download_is_signed_with_the_type_it_is_answered_as(gcs):
    name = new_name("application/json")
    put(gcs, name)
    url = gcs.presign_get(name, seconds=600).url
    assert "response-content-disposition=attachment" in url
    assert httpx.get(url).content == b"picture"
    assert httpx.get(url.replace("attachment", "inline")).status_code == 403
    assert gcs.presign_get(name, seconds=86_400).url == gcs.presign_get(name, seconds=86_400).url


def test_it_is_googles_own_address_unless_told_otherwise():
    made = services.object_store("gs://k:s@bucket", "", "", None, "")
    gcs = GcsStore(**made["OPTIONS"])
    assert gcs.presign_get(new_name("image/png"), seconds=60).url.startswith("https://storage.googleapis.com/bucket/")
    assert gcs.reference("x.jpg") == "gs://bucket/x.jpg"
