"""[list] a page of 100 samples through the API, the first page and one in the depth; the limit is the SQL alone.

`ROWS` says how many samples there are; they are written as the API would have written them, and registered.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import orjson

from benchmarks._hub import load, own_hub, resident_mb

ROWS = int(os.environ.get("ROWS", "1000000"))
PAGES = 300
PATH = "/api/v1/learning/samples"


def main() -> None:
    with own_hub() as folder:
        from config.processes import Processes, free_port

        _fill()
        port = free_port()
        hub = Processes(f"127.0.0.1:{port}", folder / "logs", web_workers=2)
        hub.start("web")
        try:
            hub.wait_ready()
            figures = _measure(port)
            figures["rss_mb"] = resident_mb(hub.running["web"].pid)
        finally:
            hub.stop()
        print(json.dumps({"name": "list", **figures, **load()}))


def _fill() -> None:
    """Write ROWS settled samples of two modules and three cities by core.bulk."""
    from datetime import UTC, datetime

    from django.db import connection, transaction

    from core.bulk import take_keys, write
    from learning.actions import city, module
    from learning.models import Camera, LearningSample

    modules = [module.add(slug, by=None, name=slug, task="detection", labels=["car", "bus"]) for slug in ("vehicles", "plates")]
    cameras = [Camera.objects.create(city=city.add(f"city_{number}", by=None), camera_id="cam") for number in range(3)]
    value = {"boxes": [{"label": "car", "bbox": [10, 10, 100, 50]}]}
    for start in range(0, ROWS, 50_000):
        numbers = range(start, min(ROWS, start + 50_000))
        with transaction.atomic():
            write(
                LearningSample,
                len(numbers),
                {
                    "id": take_keys(LearningSample, len(numbers)),
                    "sample_id": [f"sample-{number}" for number in numbers],
                    "event_id": [f"event-{number}" for number in numbers],
                    "group_key": [f"event-{number}" for number in numbers],
                    "module_id": [modules[number % 2].pk for number in numbers],
                    "city_id": [cameras[number % 3].city_id for number in numbers],
                    "camera_id": [cameras[number % 3].pk for number in numbers],
                    "captured_at": datetime(2026, 11, 20, tzinfo=UTC),
                    "state": "settled",
                    "label_status": "correct",
                    "prediction": value,
                    "truth": value,
                    "confidence": 0.83,
                },
            )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE learning_samples" if connection.vendor == "postgresql" else "ANALYZE")


def _measure(port: int) -> dict[str, Any]:
    from accounts.actions import access_key, user
    from accounts.models import Role
    from core.paging import _spell

    key = access_key.issue(user.add("looker", email="looker@example.org", role=Role.SUPER_ADMIN, by=None), by=None)[1]
    http = HTTPConnection("127.0.0.1", port)

    def page(query: str) -> None:
        http.request("GET", f"{PATH}?{query}", headers={"Authorization": f"Bearer {key}"})
        answer = http.getresponse()
        content = answer.read()
        assert answer.status == 200, content[:300]
        assert len(orjson.loads(content)["results"]) == 100

    def anywhere(number: int) -> str:
        return f"cursor={_spell([ROWS - number * (ROWS // 2 // PAGES), ROWS - number * (ROWS // 2 // PAGES)])}"

    began = time.perf_counter()
    queries: dict[str, Callable[[int], str]] = {
        "first": lambda number: "page_size=100",
        "deep": anywhere,
        "filtered": lambda number: f"ai_module=vehicles&state=settled&{anywhere(number)}",
        "of_a_city": lambda number: f"city=city_1&{anywhere(number)}",
    }
    figures: dict[str, Any] = {}
    for name, query in queries.items():
        for number in range(20):
            page(query(number))
        took = sorted(_clock(lambda number, query=query: page(query(number)), number) for number in range(PAGES))  # type: ignore[misc]
        figures |= {f"{name}_median_ms": round(statistics.median(took), 2), f"{name}_p95_ms": round(took[int(PAGES * 0.95)], 2)}
    limit = _sql_alone(anywhere)
    worst = max(figures[f"{name}_median_ms"] for name in queries)
    return {
        "ours": worst,
        "unit": "ms (median of the slowest kind of page)",
        **figures,
        "worst_p95_ms": max(figures[f"{name}_p95_ms"] for name in queries),
        "reference": "the SQL alone, ms",
        "reference_value": limit,
        "ratio": round(worst / limit, 2),
        "rows": ROWS,
        "seconds": round(time.perf_counter() - began, 2),
    }


def _clock(act: Callable[[int], None], number: int) -> float:
    began = time.perf_counter()
    act(number)
    return 1_000 * (time.perf_counter() - began)


def _sql_alone(anywhere: Callable[[int], str]) -> float:
    """Answer the median of the same pages by the database's own driver, in ms."""
    from django.db import connection

    from learning.api.store import AS_JSON, LISTED
    from learning.models import LearningSample

    took = []
    for number in range(PAGES):
        rows = LearningSample.objects.verified().annotate(**AS_JSON).filter(pk__lt=ROWS - number * (ROWS // 2 // PAGES))
        statement, parameters = rows.order_by("-pk").values_list("pk", *LISTED)[:101].query.sql_with_params()
        with connection.cursor() as cursor:
            began = time.perf_counter()
            cursor.execute(statement, parameters)
            cursor.fetchall()
            took.append(1_000 * (time.perf_counter() - began))
    return round(statistics.median(took), 2)
