"""Setting up an S3 bucket: CORS, the public-access block and lifecycle; what a service does not know is said, not hidden.

Rules of other people on the bucket stay: ours are known by their ids. Run twice, the second time changes nothing.
"""

import io
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from core.s3_store import S3Store, translated
from core.storage import StoreError, new_name

UNKNOWN_HERE = {"NotImplemented", "MethodNotAllowed", "NotSupported", "UnsupportedOperation", "InvalidRequest"}
NOTHING_SET = {
    "NoSuchCORSConfiguration", "NoSuchPublicAccessBlockConfiguration", "NoSuchLifecycleConfiguration",
    "ObjectLockConfigurationNotFoundError", "NoSuchBucketPolicy", "NoSuchConfiguration", "404",
}  # fmt: skip
CORS_ID = "command-centre-portal"
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
LENIENT_BLOCK = {**BLOCK, "BlockPublicAcls": False}
"""For services (Ceph's gateway) that refuse every upload under BlockPublicAcls; such ACLs are ignored all the same."""
LIFECYCLE = [
    {
        "ID": "command-centre-unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
    {
        "ID": "command-centre-old-versions",  # what was removed is gone after the grace of 30 days, versioned or not
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    },
]


def setup(store: S3Store, origin: str) -> dict[str, str]:
    """Write what is lacking and answer what became of each part; `origin` is the portal's scheme://host[:port].

    Raises StoreError where the service does not answer or refuses for another reason than not knowing the request.
    """
    return {
        "cors": _ensure(store, "cors", _cors(origin)),
        "public access": _block_public_access(store),
        "lifecycle": _ensure(store, "lifecycle_configuration", _lifecycle),
    }


def facts_of(store: S3Store) -> Iterator[tuple[str, str]]:
    """Yield what is set on the bucket and is good to know, a name and a sentence each."""
    client, bucket = store.client, {"Bucket": store.bucket_name}
    versioning = _asked(lambda: client.get_bucket_versioning(**bucket).get("Status"), "off")
    yield "versioning", f"Versioning is {versioning.lower()}."
    lock = _asked(lambda: client.get_object_lock_configuration(**bucket)["ObjectLockConfiguration"]["ObjectLockEnabled"], "off")
    yield "object lock", f"Object lock is {lock.lower()}."
    block = _asked(lambda: _spelled(client.get_public_access_block(**bucket)), "off")
    yield "public access block", f"The public-access block is {block}."


def _spelled(there: Any) -> str:
    """Say which parts of the public-access block are on; Ceph answers one with none where nothing was set."""
    return ", ".join(name for name, is_on in there.get("PublicAccessBlockConfiguration", {}).items() if is_on)


def _asked(ask: Any, nothing: str) -> str:
    try:
        return str(ask() or nothing)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in NOTHING_SET:
            return nothing
        return "unknown to this service" if code in UNKNOWN_HERE else f"not to be told to this key ({code})"
    except (BotoCoreError, KeyError):
        return "not told by this service"


def _ensure(store: S3Store, part: str, wanted: Any) -> str:
    """Bring one part of the bucket's settings to `wanted(what is there)`."""
    client, bucket = store.client, store.bucket_name
    prefix = "" if part == "public_access_block" else "bucket_"
    try:
        try:
            there = getattr(client, f"get_{prefix}{part}")(Bucket=bucket)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code", "") not in NOTHING_SET:
                raise
            there = {}
        lacking = wanted(there)
        if lacking is None:
            return "as it must be"
        getattr(client, f"put_{prefix}{part}")(Bucket=bucket, **lacking)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code", "") in UNKNOWN_HERE:
            return "not known to this service; nothing changed"
        with translated(part):
            raise
    return "written"


def _cors(origin: str) -> Any:
    rule = {
        "ID": CORS_ID,
        "AllowedOrigins": [origin],
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag", "Content-Range"],
        "MaxAgeSeconds": 3600,
    }

    def wanted(there: Any) -> dict[str, Any] | None:
        rules = there.get("CORSRules", [])
        ours = [found for found in rules if found.get("ID") == CORS_ID]
        if [_compared(found) for found in ours] == [_compared(rule)]:
            return None
        others = [found for found in rules if found.get("ID") != CORS_ID]
        return {"CORSConfiguration": {"CORSRules": [*others, rule]}}

    return wanted


def _block_public_access(store: S3Store) -> str:
    """Block what is public as far as uploads still come in: the first time, Ceph's gateway refuses them until that is known."""
    became = _ensure(store, "public_access_block", _block(BLOCK, LENIENT_BLOCK))
    if became != "written" or _takes_objects(store):
        return became
    _ensure(store, "public_access_block", _block(LENIENT_BLOCK))
    return "written without BlockPublicAcls, under which this service refuses every upload"


def _block(wanted: dict[str, bool], *also_good: dict[str, bool]) -> Any:
    def lacking(there: Any) -> dict[str, Any] | None:
        if there.get("PublicAccessBlockConfiguration") in (wanted, *also_good):
            return None
        return {"PublicAccessBlockConfiguration": wanted}

    return lacking


def _takes_objects(store: S3Store) -> bool:
    name = new_name("text/plain")
    try:
        store.put_new(name, io.BytesIO(b"may we write?"), media_type="text/plain", metadata={})
        store.remove(name)
    except StoreError:
        return False
    return True


def _lifecycle(there: Any) -> dict[str, Any] | None:
    rules = {rule["ID"]: rule for rule in there.get("Rules", [])}
    if all(_essence(rules.get(rule["ID"])) == _essence(rule) for rule in LIFECYCLE):
        return None
    ours = {rule["ID"] for rule in LIFECYCLE}
    others = [rule for name, rule in rules.items() if name not in ours]
    return {"LifecycleConfiguration": {"Rules": [*others, *LIFECYCLE]}}


def _essence(rule: Any) -> Any:
    """Answer what a rule does; services spell its empty filter in several ways."""
    return rule and {key: value for key, value in rule.items() if key not in {"Filter", "Prefix"}}


def _compared(rule: Any) -> Any:
    """Answer a rule without the order of its lists."""
    return {key: sorted(value) if isinstance(value, list) else value for key, value in rule.items()}
