"""Our presigned URLs are botocore's, to the letter of the signature."""

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.auth
import pytest
from botocore.config import Config

from core.sigv4 import Presigner

AT = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
BASE = "http://127.0.0.1:9000/objects"


class _Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return AT

    @classmethod
    def utcnow(cls):
        return AT.replace(tzinfo=None)


def _signature(url: str) -> str:
    return parse_qs(urlsplit(url).query)["X-Amz-Signature"][0]


def _botocore_url(operation: str, **parameters) -> str:
    client = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:9000",
        aws_access_key_id="KEY",
        aws_secret_access_key="secret",
        region_name="us-east-1",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    with patch.object(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: AT.replace(tzinfo=None)):
        return client.generate_presigned_url(operation, Params={"Bucket": "objects", **parameters}, ExpiresIn=3600)


@pytest.mark.parametrize("name", ["0190.jpg", "with blank ü+&.jpg"])
def test_a_signed_get_is_botocores(name):
    ours = Presigner(BASE, "KEY", "secret", "us-east-1").url("GET", name, at=AT, seconds=3600)
    assert _signature(ours) == _signature(_botocore_url("get_object", Key=name))


def test_a_signed_get_with_a_file_name_is_botocores():
    disposition = 'attachment; filename="a b.zip"'
    query = {"response-content-disposition": disposition}
    ours = Presigner(BASE, "KEY", "secret", "us-east-1").url("GET", "x.zip", at=AT, seconds=3600, query=query)
    assert _signature(ours) == _signature(_botocore_url("get_object", Key="x.zip", ResponseContentDisposition=disposition))


def test_a_signed_put_is_botocores():
    headers = {
        "content-length": "3",
        "content-md5": "kAFQmDzST7DWlj99KOF/cg==",
        "content-type": "image/jpeg",
        "if-none-match": "*",
        "x-amz-meta-city_id": "city_pune",
    }
    ours = Presigner(BASE, "KEY", "secret", "us-east-1").url("PUT", "x.jpg", at=AT, seconds=3600, headers=headers)
    theirs = _botocore_url(
        "put_object",
        Key="x.jpg",
        ContentLength=3,
        ContentMD5=headers["content-md5"],
        ContentType="image/jpeg",
        IfNoneMatch="*",
        Metadata={"city_id": "city_pune"},
    )
    assert parse_qs(urlsplit(ours).query)["X-Amz-SignedHeaders"] == parse_qs(urlsplit(theirs).query)["X-Amz-SignedHeaders"]
    assert _signature(ours) == _signature(theirs)


def test_the_next_day_has_a_key_of_its_own():
    presigner = Presigner(BASE, "KEY", "secret", "us-east-1")
    presigner.url("GET", "x", at=AT.replace(day=19), seconds=60)
    ours = presigner.url("GET", "0190.jpg", at=AT, seconds=3600)
    assert _signature(ours) == _signature(_botocore_url("get_object", Key="0190.jpg"))
