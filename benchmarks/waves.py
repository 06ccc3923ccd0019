"""[waves] EDGES simulated agents finish a rollout of three waves over HTTP, each by its own key: how late the hub decides after the last report.

Every agent says downloading, installing and completed in one request as soon as its assignment names the version. `ours` is the longest time
from the last report of a wave to the moment at which the next one opened (or the rollout was over); the reference is what was asked for.
"""

import http.client
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import local
from typing import Any

from benchmarks._hub import load, own_hub, resident_mb
from benchmarks.rollout import EDGES

LATEST = 10.0
PLAN = {"waves": [{"count": max(1, EDGES // 100), "name": "canary"}, {"share": 0.25}, {"share": 1.0}]}
THREADS = 8
PATIENCE = 120.0
HERE = local()


def main() -> None:
    with own_hub(REDIS_URL=os.environ.get("REDIS_URL", "")) as folder:
        from benchmarks.poll import _fleet
        from config.processes import Processes, free_port

        keys = [key for _, key, _ in _fleet()]
        hub = Processes(f"127.0.0.1:{free_port()}", folder / "logs", web_workers=2)
        hub.start("web", "default")
        try:
            hub.wait_ready()
            print(json.dumps({"name": "waves", **_measure(hub, keys), "rss_mb": resident_mb(hub.running["web"].pid), **load()}))
        finally:
            hub.stop()


def _measure(hub: Any, keys: list[str]) -> dict[str, Any]:
    from accounts.models import User
    from benchmarks.rollout import _released
    from deployments.actions import rollout
    from deployments.models import ModelDeployment
    from learning.models import AiModule

    ada, bo = User.objects.get(name="Ada"), User.objects.get(name="Bo")
    ModelDeployment.objects.update(status="completed")
    version = _released(AiModule.objects.get(slug="digits"), "2.0.0", ada, bo)
    key_of = {int(key.split("_")[1]): key for key in keys}
    began = time.perf_counter()
    begun = rollout.start(version, by=ada, plan=PLAN)
    late, told = [], 0
    with ThreadPoolExecutor(THREADS) as pool:
        for number in (1, 2, 3):
            due = list(_offered(begun, number))
            told += sum(pool.map(lambda one: _tell(hub.bind, key_of[one[1]], one[0]), due))
            last = datetime.now(UTC)
            late.append(round(max(0.0, (_decided(begun, number) - last).total_seconds()), 2))
    begun.refresh_from_db()
    seconds = time.perf_counter() - began
    assert (begun.state, told) == ("completed", len(keys)), (begun.state, told)
    return {
        "ours": max(late),
        "unit": "s from a wave's last report to the decision",
        "reference": "what was asked for",
        "reference_value": LATEST,
        "ratio": round(max(late) / LATEST, 3),
        "rows": EDGES,
        "waves": late,
        "reports_per_s": round(told / seconds),
        "seconds": round(seconds, 1),
    }


def _offered(begun: Any, number: int) -> Iterator[tuple[Any, int]]:
    """Wait until the wave is open, and answer its deployments, each with the number of its machine."""
    rows = begun.deployments.filter(wave__number=number, status="pending", offered_at__isnull=False)
    _until(lambda: begun.waves.filter(number=number, opened_at__isnull=False).exists(), f"wave {number} does not open")
    yield from rows.values_list("pk", "edge_server__user")


def _decided(begun: Any, number: int) -> datetime:
    """Wait until the wave is over, and answer when it was."""
    waves = begun.waves.filter(number=number, finished_at__isnull=False)
    _until(waves.exists, f"wave {number} is not over")
    finished: datetime = waves.get().finished_at
    return finished


def _until(done: Any, because: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(because)
        time.sleep(0.05)


def _tell(bind: str, key: str, deployment: Any) -> int:
    at = datetime.now(UTC).isoformat()
    steps = enumerate(("downloading", "installing", "completed"), start=1)
    reports = [{"attempt": 1, "seq": seq, "status": status, "progress_percent": 33 * seq, "at": at} for seq, status in steps]
    body, path = json.dumps({"reports": reports}), f"/api/v1/edge/deployments/{deployment}/reports"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        status, said = _sent(bind, path, body, headers)
    except (ConnectionError, http.client.HTTPException):  # kept open too long between two waves; a report counts once
        HERE.link.close()
        status, said = _sent(bind, path, body, headers)
    assert status == 200, said
    return 1


def _sent(bind: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, bytes]:
    if not hasattr(HERE, "link"):
        HERE.link = http.client.HTTPConnection(bind, timeout=60)
    HERE.link.request("POST", path, body, headers)
    answer = HERE.link.getresponse()
    return answer.status, answer.read()


if __name__ == "__main__":
    main()
