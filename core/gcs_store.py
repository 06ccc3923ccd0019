"""Google Cloud Storage through its XML API, by HMAC keys: S3's requests, with Google's names where S3's are not honoured.

Not tried against Google itself (docs/decisions): the shapes are those of its published reference. Writing under a
precondition and signed addresses use the GOOG4 signature, for x-goog headers and x-amz headers may not be mixed in a request.
"""

import base64
import hashlib
import hmac
import io
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import quote, urlsplit

from botocore.config import Config

from core.s3_store import S3Store, answered_as, part_headers
from core.storage import AlreadyStored, ObjectStat, SignedRequest, StoreError, chunks_of, header_value

ENDPOINT = "https://storage.googleapis.com"
ABSENT = {"x-goog-if-generation-match": "0"}
"""Google's way to say If-None-Match:* on a write."""
META_PREFIX = "x-goog-meta-"
PUT_SECONDS = 3_600
TIMEOUT = 300


class GcsStore(S3Store):
    """Objects in one bucket of Google's; reading, listing and deleting are S3's, signed by the same HMAC key."""

    def __init__(self, **settings: Any) -> None:
        settings["endpoint_url"] = settings.get("endpoint_url") or ENDPOINT
        settings["region_name"] = "auto"
        settings["client_config"] = Config(
            s3={"addressing_style": "path"},
            signature_version="s3v4",
            request_checksum_calculation="when_required",  # Google does not read S3's trailing checksums
            response_checksum_validation="when_required",
        )
        self._base = (settings.get("public_endpoint") or settings["endpoint_url"]).rstrip("/")
        super().__init__(**{**settings, "scheme": "gs"})

    def put_new(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        """Put on the condition that no generation exists; raises AlreadyStored."""
        digest = hashlib.md5(usedforsecurity=False)
        content.seek(0)
        for piece in chunks_of(content):
            digest.update(piece)
        size = content.tell()
        content.seek(0)
        md5 = digest.hexdigest()
        signed = self._signed_put(
            self.endpoint_url, name, md5=md5, size=size, media_type=media_type, metadata=metadata, seconds=PUT_SECONDS
        )
        etag = _put(signed, content, name)
        return ObjectStat(size, etag or md5, media_type, dict(metadata))

    def presign_get(self, name: str, *, seconds: int, filename: str = "", at: datetime | None = None) -> SignedRequest:
        """Sign a download from the start of the current window to the end of the next; the type answered is signed too."""
        start = int((at or datetime.now(UTC)).timestamp()) // seconds * seconds
        signed_at = datetime.fromtimestamp(start, UTC)
        query = answered_as(name, filename)
        url = self._signed(self._base, "GET", name, at=signed_at, seconds=2 * seconds, headers={}, query=query)
        return SignedRequest("GET", url, {}, signed_at + timedelta(seconds=2 * seconds))

    def presign_put(
        self, name: str, *, md5: str, size: int, media_type: str, metadata: Mapping[str, str], seconds: int
    ) -> SignedRequest:
        """Sign one upload of exactly this content under a name that must be free."""
        return self._signed_put(self._base, name, md5=md5, size=size, media_type=media_type, metadata=metadata, seconds=seconds)

    def presign_part(self, name: str, upload: str, *, number: int, md5: str, size: int, seconds: int) -> SignedRequest:
        """Sign one part of a multipart upload of the XML API."""
        at = datetime.now(UTC).replace(microsecond=0)
        headers, query = part_headers(md5, size), {"partNumber": str(number), "uploadId": upload}
        url = self._signed(self._base, "PUT", name, at=at, seconds=seconds, headers=headers, query=query)
        return SignedRequest("PUT", url, headers, at + timedelta(seconds=seconds))

    def _signed_put(
        self, base: str, name: str, *, md5: str, size: int, media_type: str, metadata: Mapping[str, str], seconds: int
    ) -> SignedRequest:
        at = datetime.now(UTC).replace(microsecond=0)
        headers = {
            "content-length": str(size),
            "content-md5": base64.b64encode(bytes.fromhex(md5)).decode(),
            "content-type": media_type,
            **ABSENT,
            **{f"{META_PREFIX}{key}": header_value(value) for key, value in metadata.items()},
        }
        url = self._signed(base, "PUT", name, at=at, seconds=seconds, headers=headers, query={})
        return SignedRequest("PUT", url, headers, at + timedelta(seconds=seconds))

    def _signed(
        self,
        base: str,
        method: str,
        name: str,
        *,
        at: datetime,
        seconds: int,
        headers: Mapping[str, str],
        query: Mapping[str, str],
    ) -> str:
        """Answer an address signed by GOOG4-HMAC-SHA256 (cloud.google.com/storage/docs/authentication/canonical-requests)."""
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        scope = [stamp[:8], "auto", "storage", "goog4_request"]
        signed = {"host": urlsplit(base).netloc, **headers}
        names = ";".join(sorted(signed))
        parameters = {
            "X-Goog-Algorithm": "GOOG4-HMAC-SHA256",
            "X-Goog-Credential": "/".join([self.access_key, *scope]),
            "X-Goog-Date": stamp,
            "X-Goog-Expires": str(seconds),
            "X-Goog-SignedHeaders": names,
            **query,
        }
        search = "&".join(f"{quote(key, safe='')}={quote(parameters[key], safe='')}" for key in sorted(parameters))
        path = f"/{self.bucket_name}/{quote(name)}"
        lines = "".join(f"{key}:{signed[key].strip()}\n" for key in sorted(signed))
        canonical = f"{method}\n{path}\n{search}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
        text = "\n".join(["GOOG4-HMAC-SHA256", stamp, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"GOOG4{self.secret_key}".encode()
        for part in scope:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return f"{base}{path}?{search}&X-Goog-Signature={signature}"


def _put(signed: SignedRequest, content: IO[bytes], name: str) -> str:
    """Send an upload and answer its etag."""
    body = content if int(signed.headers["content-length"]) else io.BytesIO()
    request = urllib.request.Request(signed.url, method="PUT", headers=dict(signed.headers), data=body)  # noqa: S310  (our store)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return str(answer.headers.get("ETag", "")).strip('"')
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 412:
                raise AlreadyStored(name) from error
            raise StoreError(f"The object store refused: {error.code} {error.read(500)!r}") from error
    except (OSError, HTTPException) as error:
        raise StoreError(f"The object store does not answer: {error}") from error
