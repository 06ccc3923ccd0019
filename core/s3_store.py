"""The store of production: any S3-compatible service, through django-storages' connection and boto3's client."""

import base64
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import IO, Any
from urllib.parse import quote, unquote

from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from core.sigv4 import Presigner
from core.storage import AlreadyStored, ObjectMissing, ObjectStat, SignedRequest, StoreError, header_value

NO_SUCH_CLASS = frozenset({"InvalidStorageClass", "NotImplemented", "InvalidArgument"})


class S3Store(S3Storage):  # type: ignore[misc]  # django-storages carries no types
    """Objects in one bucket; `public_endpoint` is what URLs are signed for, `scheme` how references are spelled."""

    def __init__(self, *, public_endpoint: str = "", scheme: str = "s3", **settings: Any) -> None:
        super().__init__(**settings)
        self.scheme = scheme
        base = (public_endpoint or self.endpoint_url or f"https://s3.{self.region_name}.amazonaws.com").rstrip("/")
        self._presigner = Presigner(f"{base}/{self.bucket_name}", self.access_key, self.secret_key, self.region_name)

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    def put_new(self, name: str, content: IO[bytes], *, media_type: str, metadata: Mapping[str, str]) -> ObjectStat:
        """Put with If-None-Match:*; raises AlreadyStored."""
        size = content.seek(0, io.SEEK_END)
        content.seek(0)
        with _translated(name):
            answer = self._client.put_object(
                Bucket=self.bucket_name,
                Key=name,
                Body=content,
                ContentLength=size,
                ContentType=media_type,
                IfNoneMatch="*",
                Metadata={key: header_value(value) for key, value in metadata.items()},
            )
        return ObjectStat(size, answer["ETag"].strip('"'), media_type, dict(metadata))

    def open_object(self, name: str) -> IO[bytes]:
        """Open the object's stream; raises ObjectMissing. Buffered, for botocore's own yields pieces where files yield lines."""
        with _translated(name):
            body = self._client.get_object(Bucket=self.bucket_name, Key=name)["Body"]
        return io.BufferedReader(body)

    def stat(self, name: str) -> ObjectStat:
        """Ask for the head of the object; Ceph spells metadata keys with dashes, we with underscores."""
        with _translated(name):
            head = self._client.head_object(Bucket=self.bucket_name, Key=name)
        metadata = {key.replace("-", "_"): unquote(value) for key, value in head["Metadata"].items()}
        return ObjectStat(head["ContentLength"], head["ETag"].strip('"'), head.get("ContentType", ""), metadata)

    def remove(self, name: str) -> None:
        """Delete the object; S3 answers the same when it was gone."""
        with _translated(name):
            self._client.delete_object(Bucket=self.bucket_name, Key=name)

    def destroy(self, name: str) -> None:
        """Delete every version and every delete marker of the object, and the object itself where none is kept."""
        with _translated(name):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket_name, Prefix=name)
            for page in pages:
                for kept in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                    self._client.delete_object(Bucket=self.bucket_name, Key=kept["Key"], VersionId=kept["VersionId"])
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
        with _translated(name):
            try:
                answer = self._client.copy_object(
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

    def presign_get(self, name: str, *, seconds: int, filename: str = "") -> SignedRequest:
        """Sign a download from the start of the current window to the end of the next."""
        start = int(datetime.now(UTC).timestamp()) // seconds * seconds
        at = datetime.fromtimestamp(start, UTC)
        query = {"response-content-disposition": f'attachment; filename="{quote(filename)}"'} if filename else {}
        url = self._presigner.url("GET", name, at=at, seconds=2 * seconds, query=query)
        return SignedRequest("GET", url, {}, at + timedelta(seconds=2 * seconds))

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


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status == 404:
            raise ObjectMissing(name) from error
        if status in (409, 412):
            raise AlreadyStored(name) from error
        raise StoreError(f"The object store refused: {error}") from error
    except BotoCoreError as error:
        raise StoreError(f"The object store does not answer: {error}") from error
