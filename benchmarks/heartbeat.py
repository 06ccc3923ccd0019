"""[heartbeat] edges that say what they run: EDGES of them over 8 connections, by their own keys, against two web workers.

`ours` is of edges that say what they said before; beside it those that measured something since, whose sums are written before they
are answered: the first time in an hour, when their rows are begun, and TELLING edges again and again. The reference of the same run is a view that does nearly nothing (`/live`).
"""

import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks._hub import cpu_seconds, load, own_hub, resident_mb
from benchmarks.poll import _fleet, _rate, _written
from benchmarks.rollout import EDGES

SECONDS = float(os.environ.get("SECONDS", "10"))
TELLING = int(os.environ.get("TELLING", "400"))
ROUNDS = 60
HEARTBEAT = "/api/v1/edge/heartbeat"


def main() -> None:
    with own_hub() as folder:
        from config.processes import Processes, free_port

        keys = [key for _, key, _ in _fleet()]
        _say_once(keys)
        port = free_port()
        hub = Processes(f"127.0.0.1:{port}", folder / "logs", web_workers=2)
        hub.start("web")
        try:
            hub.wait_ready()
            web = hub.running["web"].pid
            print(json.dumps({"name": "heartbeat", **_measure(folder, port, web, keys), "rss_mb": resident_mb(web), **load()}))
        finally:
            hub.stop()


def _measure(folder: Path, port: int, web: int, keys: list[str]) -> dict[str, Any]:
    from django.db.models import Min
    from django.utils import timezone

    from deployments.models import EdgeServer

    paths = _written(folder, [(HEARTBEAT, key, "-", json.dumps(_said())) for key in keys], "edges")
    _rate(port, 3, paths, "200")  # each worker's mirror is there
    began, used = timezone.now(), cpu_seconds(web)
    ours = _rate(port, SECONDS, paths, "200")
    cpu = cpu_seconds(web) - used
    time.sleep(2)  # the last second's moments are written
    heard = EdgeServer.objects.filter(last_seen_at__gte=began).count()
    assert heard >= min(EDGES, ours * SECONDS) * 0.9, heard
    first = _rate(port, SECONDS, _written(folder, _telling(keys[TELLING:], [0]), "first"), "200")
    _rate(port, 2 + TELLING / 100, _written(folder, _telling(keys[:TELLING], [0]), "begun"), "200")
    told = _rate(port, SECONDS, _written(folder, _telling(keys[:TELLING], range(1, ROUNDS)), "telling"), "200")
    nothing = _rate(port, SECONDS, _written(folder, [("/live", "none", "-")] * 64, "live"), "200")
    oldest = EdgeServer.objects.filter(last_seen_at__gte=began).aggregate(Min("last_seen_at"))["last_seen_at__min"]
    return {
        "ours": round(ours),
        "unit": "heartbeats/s",
        "with_telemetry": round(told),
        "with_telemetry_first": round(first),
        "reference": "/live, asked in the same way, /s",
        "reference_value": round(nothing),
        "ratio": round(ours / nothing, 2),
        "rows": EDGES,
        "seconds": SECONDS,
        "edges_heard": heard,
        "first_written_after_s": round((oldest - began).total_seconds(), 1),
        "web_cpu_us_a_heartbeat": round(1e6 * cpu / (ours * SECONDS)),
    }


def _telling(keys: Sequence[str], rounds: Iterable[int]) -> list[tuple[str, ...]]:
    return [(HEARTBEAT, key, "-", json.dumps(_said(f"s{number:04}"))) for number in rounds for key in keys]


def _say_once(keys: list[str]) -> None:
    """Have the hub know what each edge says, as after its first heartbeat."""
    from deployments.models import EdgeServer, EdgeSlot
    from deployments.presence import sha256_of

    EdgeServer.objects.update(heard_sha256=sha256_of(_said()))
    EdgeSlot.objects.update(active_version="1.0.0")


def _said(since: str = "") -> dict[str, Any]:
    sums = {"images": 40, "errors": 0, "empty": 1, "latency": {"8": 30, "9": 10}, "confidence": [0] * 9 + [40]}
    note = {"kind": "answered", "ai_module": "digits", "version": "1.0.0", "since": since, **sums}
    return {
        "at": "2026-11-21T12:00:00+00:00",
        "edge_version": "0.1.0",
        "runtime": {"onnxruntime": "1.23.2", "platform": "linux/x86_64", "python": "3.11.7"},
        "slots": [
            {"ai_module": "digits", "active_version": "1.0.0", "previous_version": "0.9.0", "counter": 7, "origin": "hub"}
        ],
        "telemetry": [note] if since else [],
    }


if __name__ == "__main__":
    main()
