"""[register] samples with a prediction, a box and a label through the API, their objects already on the store.

One uploader, then two of two cities, in requests of 10,000; then four identical requests at once, of which one is taken. The
limit is COPY of the same rows into tables like ours. `ROWS` is how many samples there are in all: with 1,000,000, a city that the
database's statistics have not seen comes in midway, and the last 100,000 are compared with the first.
"""

import io
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from benchmarks._hub import load, own_hub, resident_mb
from benchmarks._uploader import Uploader, referenced

ROWS = int(os.environ.get("ROWS", "400000"))
REQUEST = min(10_000, ROWS // 20)
STRETCH = min(100_000, ROWS // 4)
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
        print(json.dumps({"name": "register", **figures, **_limit(figures), **load()}))


def _measure(url: str) -> dict[str, Any]:
    from learning.actions import module

    module.add("vehicles", by=None, name="Vehicles", task="detection", labels=["car", "bus"])
    began = time.perf_counter()
    first, longest = _timed([_warm(url, "city_first")], STRETCH)
    both, _ = _timed([_warm(url, f"city_of_two_{number}") for number in range(2)], STRETCH // 2)
    between = max(0, ROWS - 3 * STRETCH)
    if between:
        _timed([Uploader(url, f"city_midway_{number}") for number in range(2)], between // 2)
    last, _ = _timed([_warm(url, "city_last")], STRETCH)
    return {
        "ours": round(both),
        "unit": "samples/s",
        "one_uploader": round(first),
        "two_uploaders": round(both),
        "one_uploader_last": round(last),
        "last_of_first": round(last / first, 3),
        "request_of": REQUEST,
        "longest_request_seconds": round(longest, 3),
        "identical_at_once": _identical(url),
        "rows": ROWS,
        "seconds": round(time.perf_counter() - began, 2),
    }


def _warm(url: str, slug: str) -> Uploader:
    uploader = Uploader(url, slug)
    uploader.send([uploader.body(50)])
    return uploader


def _timed(uploaders: list[Uploader], each: int) -> tuple[float, float]:
    """Answer samples per second, and the longest request in seconds; bodies are made before, and outside of the clock."""
    seconds, longest, sent = 0.0, 0.0, 0
    while sent < each:
        at_once = min(each - sent, 10 * REQUEST)
        bodies = [[uploader.body(REQUEST) for _ in range(at_once // REQUEST)] for uploader in uploaders]
        with ThreadPoolExecutor(len(uploaders)) as pool:
            began = time.perf_counter()
            longest = max(longest, *pool.map(lambda pair: pair[0].send(pair[1]), zip(uploaders, bodies, strict=True)))
            seconds += time.perf_counter() - began
        sent += at_once
    return each * len(uploaders) / seconds, longest


def _identical(url: str) -> list[str]:
    """Send one body to four batches of one city at once; answers what became of each: one accepted, three duplicate."""
    uploaders = [Uploader(url, "city_identical", client_batch_id=f"batch-{number}") for number in range(4)]
    body = orjson.dumps({"items": [referenced() for _ in range(REQUEST)]})
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda uploader: "+".join(sorted(uploader.outcomes(body))), uploaders))
    return sorted(told)


def _limit(figures: dict[str, Any]) -> dict[str, Any]:
    """Measure COPY of STRETCH rows of each table into tables with the same indexes; PostgreSQL only."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return {"reference": "COPY of the same rows", "reference_value": None, "ratio": None}
    seconds = 0.0
    with connection.cursor() as cursor:
        for table in TABLES:
            rows = io.BytesIO()
            with cursor.cursor.copy(f"COPY (SELECT * FROM {table} LIMIT {STRETCH}) TO STDOUT") as copy:  # noqa: S608  (our own names)
                for piece in copy:
                    rows.write(piece)
            cursor.execute(f"CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)")
            began = time.perf_counter()
            with cursor.cursor.copy(f"COPY bench_{table} FROM STDIN") as copy:
                copy.write(rows.getvalue())
            seconds += time.perf_counter() - began
    limit = STRETCH / seconds
    ratio = round(figures["ours"] / limit, 3)
    return {"reference": "COPY of the same rows", "reference_value": round(limit), "ratio": ratio}
