"""[pages] every page there is, asked in process by each role on a hub of ROWS samples: what it takes and how many queries, the slowest first.

It takes what Django's own client waits for: middleware, queries, template. Beside the median stand the fastest of the times and
what the process and its database used of the processors, which say more on a busy machine.
"""

import json
import logging
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._hub import load, own_hub

ROWS = int(os.environ.get("ROWS", "1000000"))
TIMES = int(os.environ.get("TIMES", "7"))
MOST_MS, MOST_QUERIES = 100, 20
NO_PAGES = re.compile(r"^(api/|admin/|static|store/|live|ready|metrics|components/)")
QUIET = (302, 405)
OF_OTHERS = ("allauth", "django", "unfold")
"""Whose views are not ours to make faster."""


@dataclass
class Asked:
    """One page as one role, and what it took."""

    role: str
    address: str
    ms: float
    least_ms: float
    processor_ms: float
    queries: int

    @property
    def is_above(self) -> bool:
        """Tell whether it takes more than is promised."""
        return self.ms > MOST_MS or self.queries > MOST_QUERIES

    def __str__(self) -> str:
        clocked = f"{self.ms:9.1f} {self.least_ms:9.1f} {self.processor_ms:9.1f} ms {self.queries:4} queries"
        return f"{clocked}  {self.role:18} {self.address}"


def main() -> None:
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        sys.exit("This hub is written by PostgreSQL's own statements: name a server in DATABASE_URL.")
    with own_hub():
        from benchmarks import _world

        began = time.perf_counter()
        _world.fill(ROWS)
        filled = time.perf_counter() - began
        print(json.dumps({"name": "pages", **measure(), "fill_seconds": round(filled), **load()}))


def measure() -> dict[str, Any]:
    """Ask every page and print what each takes; answers the figures."""
    began = time.perf_counter()
    logging.disable()
    asked = [taken for role, client in _clients().items() for taken in _of_role(role, client)]
    asked.sort(key=lambda each: -each.ms)
    heading = f"   median    fastest processor; limit {MOST_MS} ms, {MOST_QUERIES} queries"
    print(heading, *asked, sep="\n", file=sys.stderr)
    slowest = asked[0]
    return {
        "ours": slowest.ms,
        "unit": "ms (median of the slowest page)",
        "of": f"{slowest.role} {slowest.address}",
        "pages": len(asked),
        "median_ms": round(statistics.median(each.ms for each in asked), 1),
        "most_processor_ms": max(each.processor_ms for each in asked),
        "most_queries": max(each.queries for each in asked),
        "above": [str(each) for each in asked if each.is_above],
        "reference": "what is promised of every page, ms",
        "reference_value": MOST_MS,
        "ratio": round(slowest.ms / MOST_MS, 2),
        "rows": ROWS,
        "seconds": round(time.perf_counter() - began, 2),
    }


def _clients() -> dict[str, Any]:
    """Answer a client of each role that opens pages."""
    from django.test import Client

    from accounts.models import User

    clients = {}
    for role in ("super_admin", "reviewer", "annotator", "organization_admin", "member"):
        clients[role] = Client(raise_request_exception=False, HTTP_HOST="localhost")
        clients[role].force_login(User.objects.filter(role=role).order_by("pk")[0])
    return clients


def _of_role(role: str, client: Any) -> Iterator[Asked]:
    """Ask what this role may open: a super admin everything, the others what is about their own work."""
    addresses = list(_addresses()) if role == "super_admin" else ["/", *OWN]
    for address in dict.fromkeys(addresses):
        answer = client.get(address)
        if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            if role == "super_admin" and answer.status_code not in QUIET:
                print(f"{answer.status_code} {answer.headers['Content-Type']} {address}", file=sys.stderr)
            continue
        yield _taken(role, client, address)


def _taken(role: str, client: Any, address: str) -> Asked:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        client.get(address)
        queries = len(captured)
    took, used = [], _processor_ms()
    for _time in range(TIMES):
        began = time.perf_counter()
        client.get(address)
        took.append(1_000 * (time.perf_counter() - began))
    used = (_processor_ms() - used) / TIMES
    return Asked(role, address, *(round(ms, 1) for ms in (statistics.median(took), min(took), used)), queries)


def _processor_ms() -> float:
    """Answer what this process and its database's own have used of the processors; without the latter where it is elsewhere."""
    return 1_000 * time.process_time() + _database_ms()


def _database_ms() -> float:
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    connection.ensure_connection()
    told = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    return int(told.read_text().split()[0]) / 1_000_000 if told.exists() else 0.0


OWN = ("/mine/", "/review/", "/review/vehicles/", "/samples/", "/batches/", "/figures/", "/models/", "/edges/", "/edges/map/", "/rollouts/",
       "/usage/", "/audit/", "/organization/", "/notifications/", "/search/?q=meter")  # fmt: skip
NARROWED = (
    "/samples/?module=vehicles&state=settled",
    "/samples/?module=gestures&state=disputed",
    "/samples/?city=city_7",
    "/samples/?label_status=changed&min_quality=0.99",
    "/batches/?city=city_7",
    "/batches/?state=sealed",
    "/cities/?stands=overdue",
    "/audit/?verb=approve",
    "/audit/?actor=annotator+3",
    "/models/?status=released",
    "/models/?module=gestures",
    "/jobs/?status=failed",
    "/edges/?stands=silent",
    "/edges/?stands=drift",
    "/edges/?stands=held",
    "/edges/?q=edge-77",
    "/rollouts/?state=paused",
    "/quality/?module=vehicles",
    "/search/?q=meter",
    "/search/?q=sample-77",
    "/search/?q=edge-7",
    "/search/?q=model+9",
    "/accounts/users/?q=annotator",
    "/people/?q=person+77",
    "/examples/?user_id=user-7",
)


def _addresses() -> Iterator[str]:
    """Answer every address of the resolver that is asked by GET, with rows of the hub in it, and the lists narrowed."""
    from django.urls import get_resolver

    known = _known()
    for path in _walk(get_resolver(), ""):
        if not NO_PAGES.match(path):
            filled = _filled(path, known)
            if filled is not None:
                yield filled
    yield from NARROWED
    model, other = known["models"], known["other model"]
    yield f"/models/compare/?model={model}&model={other}"
    yield f"/rollouts/new/?model={model}"


def _walk(resolver: Any, before: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        path = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern, path)
        elif not getattr(pattern.callback, "__module__", "").startswith(OF_OTHERS):
            yield path


def _filled(path: str, known: dict[str, str]) -> str | None:
    """Fill an address in, each argument by the word before it; None where we have no such row."""
    parts = []
    for part in path.split("/"):
        if "<" in part:
            row = known.get(parts[-1] if parts else "")
            if row is None:
                return None
            parts.append(row)
        else:
            parts.append(part)
    return "/" + "/".join(parts)


def _known() -> dict[str, str]:
    """Answer which row is asked for behind which word: the largest of its kind."""
    from django.db import connection

    from benchmarks import _world_training
    from learning.models import UploadBatch

    sizes, batch = _world_sizes(), UploadBatch.objects.order_by("-opened_at", "id").values_list("pk", flat=True)[:1]
    uuids = {
        "datasets": _world_training.dataset_id("1"),
        "versions": _world_training.version_id("1", "2"),
        "jobs": "md5('job' || 40)::uuid",
        "models": _world_training.model_id(str(sizes.models)),
        "other model": _world_training.model_id(str(sizes.models - 60)),
        "rollouts": "md5('rollout' || 1)::uuid",
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(uuids.values()))
        known = dict(zip(uuids, map(str, cursor.fetchone()), strict=True))
    return known | {
        "modules": "vehicles",
        "gate": "vehicles",
        "review": "vehicles",
        "batches": batch[0],
        "cities": "city_7",
        "samples": "sample-77",
        "of": "user-7",
        "people": "1",
        "collections": "session_1",
        "edges": "77",
        "organization": "organization-8",
        "users": "1001",
        **_first_ones(),
    }


def _first_ones() -> dict[str, str]:
    """Answer the first row of what there are few of."""
    from accounts.models import Webhook
    from learning.models import Erasure, Selection
    from training.models import SigningRequest

    few = {"webhooks": Webhook, "erasures": Erasure, "selections": Selection, "signatures": SigningRequest}
    return {
        word: str(pk) for word, model in few.items() if (pk := model.objects.values_list("pk", flat=True).first()) is not None
    }


def _world_sizes() -> Any:
    from benchmarks._world import Sizes

    return Sizes(ROWS)
