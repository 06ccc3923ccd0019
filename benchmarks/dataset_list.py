"""[dataset_list] a page of 100 samples of one dataset through the API, first and deep; the limit is the SQL alone.

`ROWS` says how many samples the dataset has; they come into it by its rule, as they would on a hub.
"""

import json
import statistics
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import orjson

from benchmarks._hub import cpu_seconds, load, own_hub, resident_mb
from benchmarks.list import PAGES, ROWS, _clock, _fill


def main() -> None:
    with own_hub() as folder:
        from config.processes import Processes, free_port

        _fill()
        dataset, gathered = _gather()
        port = free_port()
        hub = Processes(f"127.0.0.1:{port}", folder / "logs", web_workers=2)
        hub.start("web")
        try:
            hub.wait_ready()
            web = hub.running["web"].pid
            used = cpu_seconds(web)
            figures = _measure(port, dataset)
            figures["cpu_ms_a_page"] = round(1_000 * (cpu_seconds(web) - used) / figures.pop("pages"), 2)
            figures["rss_mb"] = resident_mb(web)
        finally:
            hub.stop()
        print(json.dumps({"name": "dataset_list", **figures, "gathered_per_s": gathered, **load()}))


def _gather() -> tuple[Any, int]:
    """Give the samples an object each, and have a dataset of both modules' half of them; answers it and samples/s."""
    from django.db import connection

    from accounts.actions import user
    from accounts.models import Role
    from learning.models import AiModule, LearningSample, ObjectKind, StoredObject
    from training.actions import dataset

    stored = StoredObject.objects.create(
        name="00000000-0000-7000-8000-000000000000.jpg",
        kind=ObjectKind.IMAGE,
        sha256="0" * 64,
        size=1_000,
        media_type="image/jpeg",
    )
    module = AiModule.objects.get(slug="vehicles")
    LearningSample.objects.update(object=stored, module=module)
    by = user.add("grower", email="grower@example.org", role=Role.SUPER_ADMIN, by=None)
    made = dataset.add(by=by, name="all", module=module)
    began = time.perf_counter()
    dataset.refresh(made, by=by)
    rate = round(ROWS / (time.perf_counter() - began))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return made, rate


def _measure(port: int, dataset: Any) -> dict[str, Any]:
    from django.db.models import Max

    from accounts.actions import access_key
    from core.paging import _spell
    from training.models import TrainingSample

    key = access_key.issue(dataset.created_by, by=None)[1]
    http = HTTPConnection("127.0.0.1", port)
    newest = TrainingSample.objects.aggregate(newest=Max("sample"))["newest"]

    def page(query: str, count: int = 100) -> None:
        http.request(
            "GET", f"/api/v1/training/datasets/{dataset.pk}/samples?{query}", headers={"Authorization": f"Bearer {key}"}
        )
        answer = http.getresponse()
        content = answer.read()
        assert answer.status == 200, content[:300]
        assert len(orjson.loads(content)["results"]) == count

    def anywhere(number: int) -> str:
        at = newest - number * (ROWS // 2 // PAGES)
        return f"cursor={_spell([at, at])}"

    began = time.perf_counter()
    queries: dict[str, tuple[Callable[[int], str], int]] = {
        "first": (lambda number: "page_size=100", 100),
        "deep": (anywhere, 100),
        "labeled": (lambda number: f"is_labeled=true&{anywhere(number)}", 100),
        "verified": (lambda number: f"is_verified=true&{anywhere(number)}", 0),
    }
    figures: dict[str, Any] = {}
    for name, (query, count) in queries.items():
        for number in range(20):
            page(query(number), count)
        act = lambda number, query=query, count=count: page(query(number), count)  # noqa: E731
        took = sorted(_clock(act, number) for number in range(PAGES))
        figures |= {f"{name}_median_ms": round(statistics.median(took), 2), f"{name}_p95_ms": round(took[int(PAGES * 0.95)], 2)}
    pages = ("first", "deep", "labeled")
    limit = _sql_alone(dataset, newest)
    worst = max(figures[f"{name}_median_ms"] for name in pages)
    return {
        "ours": worst,
        "unit": "ms (median of the slowest kind of page)",
        **figures,
        "worst_p95_ms": max(figures[f"{name}_p95_ms"] for name in pages),
        "reference": "the SQL alone, ms",
        "reference_value": limit,
        "ratio": round(worst / limit, 2),
        "rows": ROWS,
        "pages": len(queries) * (PAGES + 20),
        "seconds": round(time.perf_counter() - began, 2),
    }


def _sql_alone(dataset: Any, newest: int) -> float:
    """Answer the median of the same pages by the database's own driver, in ms."""
    from django.db import connection

    from training.api.sample_list import OF_SAMPLE, OWN, TRUTH
    from training.models import TrainingSample

    took = []
    for number in range(PAGES):
        rows = TrainingSample.objects.filter(dataset=dataset, sample_id__lt=newest - number * (ROWS // 2 // PAGES))
        chosen = TrainingSample.objects.filter(pk__in=rows.order_by("-sample_id").values("pk")[:101]).order_by("-sample_id")
        statement, parameters = chosen.values_list("sample_id", *OWN, TRUTH, *OF_SAMPLE).query.sql_with_params()
        with connection.cursor() as cursor:
            began = time.perf_counter()
            cursor.execute(statement, parameters)
            cursor.fetchall()
            took.append(1_000 * (time.perf_counter() - began))
    return round(statistics.median(took), 2)
