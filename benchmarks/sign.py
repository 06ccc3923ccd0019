"""[sign] items of a manifest, each answered with a signed upload of its file to an S3 store (nothing is sent there).

The reference is boto3's own presigning of the same uploads, in the same run. `ROWS` says how many items there are.
"""

import json
import os
import time
from typing import Any

from benchmarks._hub import load, own_hub, resident_mb
from benchmarks._uploader import Uploader, announced

ROWS = int(os.environ.get("ROWS", "100000"))
REQUEST = min(10_000, ROWS)
BOTO = min(2_000, ROWS)
STORE = "s3://KEY:secret@objects?endpoint=http://127.0.0.1:9"


def main() -> None:
    with own_hub(STORE_URL=os.environ.get("STORE_URL") or STORE) as folder:
        from config.processes import Processes, free_port
        from learning.actions import module

        hub = Processes(f"127.0.0.1:{free_port()}", folder / "logs", web_workers=2)
        _believe_in_the_store()
        hub.start("web")
        try:
            hub.wait_ready()
            module.add("vehicles", by=None, name="Vehicles", task="detection", labels=["car", "bus"])
            figures = _measure(hub.url)
            figures["rss_mb"] = resident_mb(hub.running["web"].pid)
        finally:
            hub.stop()
        print(json.dumps({"name": "sign", **figures, **_boto(figures), **load()}))


def _believe_in_the_store() -> None:
    """Note a proof of the store, which nothing is sent to."""
    from datetime import UTC, datetime

    from core.storage import store
    from learning.models import ReportKind, StoreReport

    facts: dict[str, Any] = {"lines": []}
    now = datetime.now(UTC)
    StoreReport.objects.create(
        kind=ReportKind.CHECK, alias="objects", identity=store().identity, passed=True, facts=facts, began_at=now
    )


def _measure(url: str) -> dict[str, Any]:
    uploader = Uploader(url, "city_signs")
    uploader.send([uploader.body(50, announced)])
    bodies = [uploader.body(REQUEST, announced) for _ in range(ROWS // REQUEST)]
    began = time.perf_counter()
    longest = uploader.send(bodies)
    seconds = time.perf_counter() - began
    return {
        "ours": round(ROWS / seconds),
        "unit": "items/s",
        "request_of": REQUEST,
        "longest_request_seconds": round(longest, 3),
        "rows": ROWS,
        "seconds": round(seconds, 2),
        "signer_alone": round(_signer()),
    }


def _signer() -> float:
    """Answer how many uploads a second our signer signs by itself."""
    from core.storage import store

    metadata = dict.fromkeys(("city_id", "camera_id", "event_id", "label_status", "uploaded_at"), "city_pune")
    began = time.perf_counter()
    for number in range(BOTO):
        store().presign_put(
            f"{number}.jpg", md5="0" * 32, size=48_211, media_type="image/jpeg", metadata=metadata, seconds=3_600
        )
    return BOTO / (time.perf_counter() - began)


def _boto(figures: dict[str, Any]) -> dict[str, Any]:
    """Measure boto3 at the same uploads."""
    from core.storage import store

    client = store().client  # type: ignore[attr-defined]
    metadata = dict.fromkeys(("city_id", "camera_id", "event_id", "label_status", "uploaded_at"), "city_pune")
    facts = {
        "ContentLength": 48_211,
        "ContentMD5": "0" * 24,
        "ContentType": "image/jpeg",
        "IfNoneMatch": "*",
        "Metadata": metadata,
    }
    began = time.perf_counter()
    for number in range(BOTO):
        client.generate_presigned_url(
            "put_object", Params={"Bucket": "objects", "Key": f"{number}.jpg", **facts}, ExpiresIn=3_600
        )
    rate = BOTO / (time.perf_counter() - began)
    return {"reference": "boto3's presigned URLs", "reference_value": round(rate), "ratio": round(figures["ours"] / rate, 2)}
