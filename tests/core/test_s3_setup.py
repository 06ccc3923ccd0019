"""Setting a bucket up, and a key that can only read: on a real S3 only, a folder has neither."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError
from django.conf import settings as django_settings
from django.core.files.storage import storages

from config import services
from core.s3_setup import CORS_ID, LIFECYCLE, setup
from core.s3_store import translated
from core.storage import ObjectMissing, StoreError
from core.store_check import Verdict, check

OBJECTS = django_settings.STORAGES["objects"]
__test__ = OBJECTS["BACKEND"].endswith("S3Store")
ORIGIN = "https://hub.example.org"


@pytest.fixture
def bucket(settings):
    """A bucket of one's own."""
    name = f"own-{uuid.uuid4()}"
    options = {**OBJECTS["OPTIONS"], "bucket_name": name}
    settings.STORAGES = {**settings.STORAGES, "objects": {**OBJECTS, "OPTIONS": options}}
    storages._storages = {}
    made = storages["objects"]
    made.client.create_bucket(Bucket=name)
    yield made
    for listed in made.listing():
        made.remove(listed.name)
    made.client.delete_bucket(Bucket=name)


def allow(bucket, actions: list[str], principal) -> None:
    resources = [f"arn:aws:s3:::{bucket.bucket_name}", f"arn:aws:s3:::{bucket.bucket_name}/*"]
    statement = {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": resources}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    bucket.client.put_bucket_policy(Bucket=bucket.bucket_name, Policy=json.dumps(policy))


def test_a_bucket_is_set_up_once_and_others_rules_stay(bucket):
    client, name = bucket.client, bucket.bucket_name
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x"}, "Expiration": {"Days": 9}}
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [theirs]})
    first = setup(bucket, ORIGIN)
    assert first["cors"] == first["lifecycle"] == "written"
    assert first["public access"].startswith(("written", "not known to this service"))
    assert not [became for became in setup(bucket, ORIGIN).values() if became.startswith("written")]
    [rule] = client.get_bucket_cors(Bucket=name)["CORSRules"]
    assert (rule["ID"], rule["AllowedOrigins"]) == (CORS_ID, [ORIGIN])
    rules = {rule["ID"] for rule in client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]}
    assert rules == {"theirs", *(rule["ID"] for rule in LIFECYCLE)}
    assert setup(bucket, "https://moved.example.org")["cors"] == "written"
    assert len(client.get_bucket_cors(Bucket=name)["CORSRules"]) == 1


def test_a_bucket_that_is_set_up_still_keeps_every_promise(bucket):
    setup(bucket, ORIGIN)
    assert not [line for line in check(bucket, bucket, ORIGIN) if line.verdict == Verdict.FAIL]


def test_whether_pages_may_send_parts_is_asked_as_a_browser_asks(bucket):
    def told(origin: str) -> tuple[str, str]:
        [line] = [line for line in check(bucket, bucket, origin) if line.name == "pages send"]
        return line.verdict, line.detail

    assert told(ORIGIN)[0] == Verdict.NOTE
    assert "storage setup" in told(ORIGIN)[1]
    setup(bucket, ORIGIN)
    assert told(ORIGIN)[0] == Verdict.OK
    assert told("https://elsewhere.example.org")[0] == Verdict.NOTE


def test_a_public_bucket_is_found_out(bucket):
    allow(bucket, ["s3:GetObject"], "*")
    found = {line.name for line in check(bucket, bucket) if line.verdict == Verdict.FAIL}
    assert found == {"no public access"}


def reader_of(bucket):
    url = f"s3://READKEY:readsecret@{bucket.bucket_name}?endpoint={bucket.endpoint_url}"
    made = services.object_store(url, "", "", None, "")
    return type(bucket)(**made["OPTIONS"])


@pytest.mark.parametrize(
    ("rights", "verdict"),
    [(["s3:GetObject"], Verdict.OK), (["s3:GetObject", "s3:PutObject"], Verdict.FAIL), (["s3:ListBucket"], Verdict.FAIL)],
)
def test_the_key_for_training_reads_and_does_no_more(bucket, rights, verdict):
    allow(bucket, rights, {"AWS": ["arn:aws:iam:::user/reader"]})
    [line] = [line for line in check(bucket, reader_of(bucket)) if line.name == "read-only key"]
    assert line.verdict == verdict, line


def test_a_bucket_that_is_not_there_is_no_missing_object():
    told = {"Error": {"Code": "NoSuchBucket"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
    with pytest.raises(StoreError, match="bucket does not exist") as refused, translated("a.jpg"):
        raise ClientError(told, "PutObject")
    assert not isinstance(refused.value, ObjectMissing)
