"""[register] samples with a prediction, a box and a label through the API, their objects already on the store.

One uploader, then two of two cities, in requests of 10,000; the limit is COPY of the same rows into tables like ours.
`ROWS` says how many samples each figure is measured over.
"""

import http.client
import io
import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import orjson

from benchmarks._hub import own_hub, resident_mb

ROWS = int(os.environ.get("ROWS", "100000"))
REQUEST = min(10_000, ROWS)
TABLES = ("stored_objects", "learning_samples", "hitl_labels")


def main() -> None:
    with own_hub() as folder:
        from config.processes import Processes, free_port

        port = free_port()
        hub = Processes(f"127.0.0.1:{port}", folder / "logs", web_workers=2)
        hub.start("web")
        try:
            hub.wait_ready()
            figures = _measure(hub.url)
            figures["rss_mb"] = resident_mb(hub.running["web"].pid)
        finally:
            hub.stop()
        print(json.dumps({"name": "register", **figures, **_limit(figures)}))


def _measure(url: str) -> dict[str, Any]:
    from learning.actions import module

    module.add("vehicles", by=None, name="Vehicles", task="detection", labels=["car", "bus"])
    uploaders = [_Uploader(url, f"city_{number}") for number in range(2)]
    uploaders[0].send(uploaders[0].bodies(REQUEST, 100)[:1])  # the first request of a worker imports
    began = time.perf_counter()
    alone, longest = _timed(uploaders[:1], ROWS)
    both, _ = _timed(uploaders, ROWS // 2)
    return {
        "ours": round(both),
        "unit": "samples/s",
        "one_uploader": round(alone),
        "two_uploaders": round(both),
        "request_of": REQUEST,
        "longest_request_seconds": round(longest, 3),
        "rows": 2 * ROWS,
        "seconds": round(time.perf_counter() - began, 2),
    }


def _timed(uploaders: list["_Uploader"], each: int) -> tuple[float, float]:
    """Answer samples per second, and the longest request in seconds."""
    bodies = [uploader.bodies(each, REQUEST) for uploader in uploaders]
    with ThreadPoolExecutor(len(uploaders)) as pool:
        began = time.perf_counter()
        longest = max(pool.map(lambda pair: pair[0].send(pair[1]), zip(uploaders, bodies, strict=True)))
        return each * len(uploaders) / (time.perf_counter() - began), longest


class _Uploader:
    """One city's client with one connection."""

    def __init__(self, url: str, slug: str) -> None:
        from accounts.actions import access_key
        from learning.actions import city

        self.city = city.add(slug, by=None)
        self.key = access_key.issue(self.city.user, by=None, scopes=["objects:adopt"])[1]
        self.http = http.client.HTTPConnection(urlsplit(url).netloc)
        answer = self._post("/api/v1/learning/batches", orjson.dumps({"city": slug}))
        self.path = f"/api/v1/learning/batches/{answer['id']}/items"

    def bodies(self, count: int, size: int) -> list[bytes]:
        """Make requests of `size` items until there are `count` items."""
        return [
            orjson.dumps({"items": [self._item() for _ in range(min(size, count - start))]}) for start in range(0, count, size)
        ]

    def send(self, bodies: list[bytes]) -> float:
        """Send them one after another; answers how long the longest took, in seconds."""
        longest = 0.0
        self.http.close()  # the web may have closed it while nothing was sent
        for body in bodies:
            began = time.perf_counter()
            outcomes = {result["outcome"] for result in self._post(self.path, body)["results"]}
            longest = max(longest, time.perf_counter() - began)
            assert outcomes == {"accepted"}, outcomes
        return longest

    def _post(self, path: str, body: bytes) -> Any:
        self.http.request("POST", path, body, {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
        answer = self.http.getresponse()
        content = answer.read()
        assert answer.status < 300, content[:500]
        return orjson.loads(content)

    def _item(self) -> dict[str, Any]:
        from core.storage import store

        name = uuid.uuid4()
        box = {"label": "car", "bbox": [10, 10, 100, 50]}
        return {
            "event_id": f"event-{name.hex}",
            "camera_id": f"cam-{name.int % 50}",
            "ai_module": "vehicles",
            "label_status": "changed",
            "captured_at": "2026-11-20T08:00:00+05:30",
            "confidence": 0.83,
            "image_quality_score": 0.9,
            "prediction": {"boxes": [box]},
            "predicted_by": {"model": "vehicles", "version": "v1.0.0"},
            "correction": {"boxes": [{**box, "label": "bus"}]},
            "operator_id": "operator-3",
            "review_time_seconds": 4.0,
            "image_reference": store().reference(f"{name}.jpg"),
        }


def _limit(figures: dict[str, Any]) -> dict[str, Any]:
    """Measure COPY of the first ROWS rows of each table into tables with the same indexes; PostgreSQL only."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return {"reference": "COPY of the same rows", "reference_value": None, "ratio": None}
    seconds = 0.0
    with connection.cursor() as cursor:
        for table in TABLES:
            rows = io.BytesIO()
            with cursor.cursor.copy(f"COPY (SELECT * FROM {table} LIMIT {ROWS}) TO STDOUT") as copy:  # noqa: S608  (our own names)
                for piece in copy:
                    rows.write(piece)
            cursor.execute(f"CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)")
            began = time.perf_counter()
            with cursor.cursor.copy(f"COPY bench_{table} FROM STDIN") as copy:
                copy.write(rows.getvalue())
            seconds += time.perf_counter() - began
    limit = ROWS / seconds
    ratio = round(figures["ours"] / limit, 3)
    return {"reference": "COPY of the same rows", "reference_value": round(limit), "ratio": ratio}
