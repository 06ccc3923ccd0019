"""The store of production: any S3-compatible service, through django-storages' connection and boto3's client."""

import base64
import io
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import IO, Any
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from core.sigv4 import Presigner
from core.storage import (
    HANDED_OVER_AS,
    AlreadyStored,
    Listed,
    ObjectMissing,
    ObjectStat,
    Part,
    SignedRequest,
    StoreError,
    attachment,
    chunks_of,
    header_value,
    shown_type,
)

NO_SUCH_CLASS = frozenset({"InvalidStorageClass", "NotImplemented", "InvalidArgument"})
MAKING = threading.Lock()
IN_PARTS_FROM = 256 << 20
PART_BYTES = 16 << 20
"""So much is in memory at a time; ten thousand of them, the most there may be, are 160 GB."""


class S3Store(S3Storage):  # type: ignore[misc]  # django-storages carries no types
    """Objects in one bucket; `public_endpoint` is what URLs are signed for, `scheme` how references are spelled."""

    def __init__(self, *, public_endpoint: str = "", scheme: str = "s3", **settings: Any) -> None:
        super().__init__(**settings)
        self.scheme = scheme
        self._made: tuple[int, Any] | None = None
        base = (public_endpoint or self.endpoint_url or f"https://s3.{self.region_name}.amazonaws.com").rstrip("/")
        self._presigner = Presigner(f"{base}/{self.bucket_name}", self.access_key, self.secret_key, self.region_name)

    @property
    def identity(self) -> str:
        """Name service and bucket."""
        return f"{self.scheme}://{self.bucket_name} at {self.endpoint_url or self.region_name}"

    @property
    def client(self) -> Any:
        """The client of this process: any thread may use it, and making one costs a quarter of a second; a fork makes its own."""
        with MAKING:
            if self._made is None or self._made[0] != os.getpid():
                place = {"endpoint_url": self.endpoint_url, "region_name": self.region_name}
                made = self._create_session().client(
                    "s3", config=self.client_config, use_ssl=self.use_ssl, verify=self.verify, **place
                )
                self._made = (os.getpid(), made)
            return self._made[1]

    def put_new(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        """Put with If-None-Match:*, what is very large in parts; raises AlreadyStored."""
        size = content.seek(0, io.SEEK_END)
        content.seek(0)
        if size > IN_PARTS_FROM:
            return self._put_in_parts(name, content, media_type=media_type, metadata=metadata)
        with translated(name):
            answer = self.client.put_object(
                Bucket=self.bucket_name,
                Key=name,
                Body=content,
                ContentLength=size,
                ContentType=media_type,
                IfNoneMatch="*",
                Metadata={key: header_value(value) for key, value in metadata.items()},
            )
        return ObjectStat(size, answer["ETag"].strip('"'), media_type, dict(metadata))

    def _put_in_parts(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        """Put a part after the other: services take 5 GB at once at most, and an upload that breaks off is given up whole."""
        with suppress(ObjectMissing):  # not every service looks at If-None-Match when parts are put together
            self.stat(name)
            raise AlreadyStored(name)
        upload = self.begin_parts(name, media_type=media_type, metadata=metadata)
        try:
            parts = []
            for number, piece in enumerate(chunks_of(content, PART_BYTES), 1):
                with translated(name):
                    answer = self.client.upload_part(
                        Bucket=self.bucket_name, Key=name, UploadId=upload, PartNumber=number, Body=piece
                    )
                parts.append(Part(number, len(piece), answer["ETag"].strip('"')))
            return self.complete_parts(name, upload, parts)
        except BaseException:
            with suppress(StoreError):
                self.abort_parts(name, upload)
            raise

    def open_object(self, name: str) -> IO[bytes]:
        """Open the object's stream; raises ObjectMissing. Buffered, for botocore's own yields pieces where files yield lines."""
        with translated(name):
            body = self.client.get_object(Bucket=self.bucket_name, Key=name)["Body"]
        return io.BufferedReader(body)

    def stat(self, name: str) -> ObjectStat:
        """Ask for the head of the object; Ceph spells metadata keys with dashes, we with underscores."""
        with translated(name):
            head = self.client.head_object(Bucket=self.bucket_name, Key=name)
        metadata = {key.replace("-", "_"): unquote(value) for key, value in head["Metadata"].items()}
        return ObjectStat(head["ContentLength"], head["ETag"].strip('"'), head.get("ContentType", ""), metadata)

    def remove(self, name: str) -> None:
        """Delete the object; gone already is success, whether the service says so (Google) or not (S3)."""
        with suppress(ObjectMissing), translated(name):
            self.client.delete_object(Bucket=self.bucket_name, Key=name)

    def destroy(self, name: str) -> None:
        """Delete every version and every delete marker of the object, and the object itself where none is kept."""
        with translated(name):
            pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket_name, Prefix=name)
            for page in pages:
                for kept in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                    self.client.delete_object(Bucket=self.bucket_name, Key=kept["Key"], VersionId=kept["VersionId"])
        self._forget(name)

    def _forget(self, name: str) -> None:
        """Delete what is there still: a bucket that was never versioned may list nothing. No marker is left behind."""
        try:
            self.stat(name)
        except ObjectMissing:
            return
        self.remove(name)

    def change_class(self, name: str, storage_class: str) -> str:
        """Copy the object onto itself in the other class; its content, type and metadata stay."""
        with translated(name):
            try:
                answer = self.client.copy_object(
                    Bucket=self.bucket_name,
                    Key=name,
                    CopySource={"Bucket": self.bucket_name, "Key": name},
                    StorageClass=storage_class,
                    MetadataDirective="COPY",
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in NO_SUCH_CLASS:
                    return ""
                raise
        return str(answer["CopyObjectResult"]["ETag"]).strip('"')

    def reference(self, name: str) -> str:
        """Spell the object as s3://bucket/name (or r2://)."""
        return f"{self.scheme}://{self.bucket_name}/{name}"

    def listing(self) -> Iterator[Listed]:
        """List the bucket, a thousand names a request; S3 answers them in the order of their bytes."""
        with translated("listing"):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket_name):
                for entry in page.get("Contents", ()):
                    yield Listed(entry["Key"], entry["LastModified"])

    def presign_get(self, name: str, *, seconds: int, filename: str = "", at: datetime | None = None) -> SignedRequest:
        """Sign a download from the start of the current window to the end of the next; the type answered is signed too."""
        start = int((at or datetime.now(UTC)).timestamp()) // seconds * seconds
        signed_at = datetime.fromtimestamp(start, UTC)
        url = self._presigner.url("GET", name, at=signed_at, seconds=2 * seconds, query=answered_as(name, filename))
        return SignedRequest("GET", url, {}, signed_at + timedelta(seconds=2 * seconds))

    def presign_put(
        self, name: str, *, md5: str, size: int, media_type: str, metadata: Mapping[str, str], seconds: int
    ) -> SignedRequest:
        """Sign one upload; the service itself refuses another size, checksum, metadata, or a taken name."""
        at = datetime.now(UTC).replace(microsecond=0)
        headers = {
            "content-length": str(size),
            "content-md5": base64.b64encode(bytes.fromhex(md5)).decode(),
            "content-type": media_type,
            "if-none-match": "*",
            **{f"x-amz-meta-{key}": header_value(value) for key, value in metadata.items()},
        }
        url = self._presigner.url("PUT", name, at=at, seconds=seconds, headers=headers)
        return SignedRequest("PUT", url, headers, at + timedelta(seconds=seconds))

    def begin_parts(self, name: str, *, media_type: str, metadata: Mapping[str, str]) -> str:
        """Ask the service for a multipart upload."""
        described = {key: header_value(value) for key, value in metadata.items()}
        with translated(name):
            answer = self.client.create_multipart_upload(
                Bucket=self.bucket_name, Key=name, ContentType=media_type, Metadata=described
            )
        return str(answer["UploadId"])

    def presign_part(self, name: str, upload: str, *, number: int, md5: str, size: int, seconds: int) -> SignedRequest:
        """Sign one part; the service itself refuses another size or checksum."""
        at = datetime.now(UTC).replace(microsecond=0)
        headers = part_headers(md5, size)
        query = {"partNumber": str(number), "uploadId": upload}
        url = self._presigner.url("PUT", name, at=at, seconds=seconds, headers=headers, query=query)
        return SignedRequest("PUT", url, headers, at + timedelta(seconds=seconds))

    def parts_of(self, name: str, upload: str) -> list[Part]:
        """Ask which parts the service has, a thousand at a time."""
        with translated(name):
            pages = self.client.get_paginator("list_parts").paginate(Bucket=self.bucket_name, Key=name, UploadId=upload)
            return [
                Part(entry["PartNumber"], entry["Size"], entry["ETag"].strip('"'))
                for page in pages
                for entry in page.get("Parts", ())
            ]

    def complete_parts(self, name: str, upload: str, parts: Sequence[Part]) -> ObjectStat:
        """Complete the multipart upload. If-None-Match is sent, though not every service looks at it here: names are fresh."""
        listed = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in parts]
        try:
            with translated(name):
                self.client.complete_multipart_upload(
                    Bucket=self.bucket_name, Key=name, UploadId=upload, MultipartUpload={"Parts": listed}, IfNoneMatch="*"
                )
        except StoreError:  # an earlier try got through, and the upload is no more; services say so in many ways
            with suppress(ObjectMissing):
                return self.stat(name)
            raise
        return self.stat(name)

    def abort_parts(self, name: str, upload: str) -> None:
        """Abort the multipart upload."""
        with suppress(ObjectMissing), translated(name):
            self.client.abort_multipart_upload(Bucket=self.bucket_name, Key=name, UploadId=upload)


def part_headers(md5: str, size: int) -> dict[str, str]:
    """Answer the headers that a part is sent with."""
    return {"content-length": str(size), "content-md5": base64.b64encode(bytes.fromhex(md5)).decode()}


def answered_as(name: str, filename: str) -> dict[str, str]:
    """Answer the parameters that make the service answer an image as that image, and all else as a file of bytes."""
    if shown := shown_type(name, filename):
        return {"response-content-type": shown}
    return {"response-content-disposition": attachment(name, filename), "response-content-type": HANDED_OVER_AS}


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise what the service or its client says as our own errors."""
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if error.response.get("Error", {}).get("Code") == "NoSuchBucket":
            raise StoreError("The bucket does not exist; make it, or mend STORE_URL.") from error
        if status == 404:
            raise ObjectMissing(name) from error
        if status in (409, 412):
            raise AlreadyStored(name) from error
        raise StoreError(f"The object store refused: {error}") from error
    except BotoCoreError as error:
        raise StoreError(f"The object store does not answer: {error}") from error
