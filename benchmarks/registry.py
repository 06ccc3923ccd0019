"""[registry] read a model version and the active model through the API, 8 clients; the reference is a Django view with one query.

`MODELS` versions are in the registry, of which one is active. On a busy machine the processor's time of a request says more
than the clock: it stands beside the rate, for us and for the reference.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks._hub import cpu_seconds, load, own_hub, resident_mb

MODELS = int(os.environ.get("MODELS", "200"))
SECONDS = float(os.environ.get("SECONDS", "8"))
CLIENTS = 8


def main() -> None:
    with own_hub() as folder:
        from config.processes import Processes, free_port

        key, pks = _fill()
        hub = Processes(f"127.0.0.1:{free_port()}", folder / "logs", web_workers=2)
        hub.start("web")
        try:
            hub.wait_ready()
            web = hub.running["web"].pid
            version = _clients(hub.bind, [f"/api/v1/training/models/{pk}" for pk in pks], web, key)
            active = _clients(hub.bind, ["/api/v1/training/models/active?ai_module=plates"], web, key)
            memory = resident_mb(web)
        finally:
            hub.stop()
        with _one_query(folder) as (bind, pid):
            plain = _clients(bind, [f"/{pk}" for pk in pks], pid, "")
        worst = min(version, active, key=lambda each: each["per_second"])
        print(
            json.dumps(
                {
                    "name": "registry",
                    "ours": worst["per_second"],
                    "unit": "requests/s, 8 clients",
                    "version": version,
                    "active": active,
                    "reference": "a Django view with one query",
                    "reference_value": plain["per_second"],
                    "reference_run": plain,
                    "ratio": round(worst["per_second"] / plain["per_second"], 2),
                    "cpu_ratio": round(max(version["cpu_ms"], active["cpu_ms"]) / plain["cpu_ms"], 2),
                    "rows": MODELS,
                    "seconds": SECONDS,
                    "rss_mb": memory,
                    **load(),
                }
            )
        )


def _fill() -> tuple[str, list[str]]:
    """Write the versions as a training leaves them, and answer a key and the ids."""
    from datetime import UTC, datetime

    from accounts.actions import access_key, user
    from accounts.models import Role
    from learning.actions import module
    from learning.models import StoredObject
    from training.models import ModelStatus, ModelVersion

    looker = user.add("looker", email="looker@example.org", role=Role.SUPER_ADMIN, by=None)
    other = user.add("other", email="other@example.org", role=Role.SUPER_ADMIN, by=None)
    plates = module.add("plates", by=None, name="Plates", task="classification", labels=[str(n) for n in range(10)])
    now = datetime(2026, 11, 20, tzinfo=UTC)
    table = [[100 if row == column else 1 for column in range(10)] for row in range(10)]
    facts: dict[str, Any] = {
        "module": plates,
        "status": ModelStatus.RELEASED,
        "name": "plates",
        "trained_at": now,
        "released_at": now,
        "approved_at": now,
        "approved_by": other,
        "requested_by": looker,
        "card": "# Plates\n" + "What it answers, on what it was trained, what it measured. " * 20,
        "accuracy": 0.971,
        "f1_score": 0.969,
        "evaluation": {"accuracy": 0.971, "confusion": {"labels": list("0123456789"), "rows": table}},
        "supported_platforms": ["linux/aarch64", "linux/x86_64"],
    }
    made = []
    for number in range(MODELS):
        bundle = StoredObject.objects.create(name=f"{number:032}.zip", kind="bundle", sha256=f"{number:064}", size=90_000)
        made.append(ModelVersion.objects.create(version=f"1.{number}.0", bundle=bundle, **facts))
    ModelVersion.objects.filter(pk=made[-1].pk).update(is_active=True)
    return access_key.issue(looker, by=None)[1], [str(version.pk) for version in made]


def _clients(bind: str, paths: Sequence[str], web: int, key: str) -> dict[str, float]:
    """Let 8 processes ask over connections they keep; answers their rate together, the median, and the web's processor time."""
    fork = get_context("fork")
    answers: Any = fork.Queue()
    crowd = [
        fork.Process(target=_client, args=(bind, paths[number::CLIENTS] or paths, key, answers)) for number in range(CLIENTS)
    ]
    used = cpu_seconds(web)
    for each in crowd:
        each.start()
    told = [answers.get() for _ in crowd]
    for each in crowd:
        each.join()
    used = cpu_seconds(web) - used
    count = sum(n for n, _ in told)
    took = sorted(value for _, values in told for value in values)
    return {
        "per_second": round(count / SECONDS),
        "median_ms": round(1_000 * took[len(took) // 2], 2),
        "p95_ms": round(1_000 * took[int(len(took) * 0.95)], 2),
        "cpu_ms": round(1_000 * used / count, 3),
    }


def _client(bind: str, paths: Sequence[str], key: str, answers: Any) -> None:
    host, port = bind.split(":")
    lines = [f"GET {path} HTTP/1.1\r\nHost: {bind}\r\nAuthorization: Bearer {key}\r\n\r\n".encode() for path in paths]
    took: list[float] = []
    with socket.create_connection((host, int(port))) as open_socket:
        ends = time.perf_counter() + SECONDS
        while (began := time.perf_counter()) < ends:
            open_socket.sendall(lines[len(took) % len(lines)])
            _read(open_socket)
            took.append(time.perf_counter() - began)
    answers.put((len(took), took[:: max(1, len(took) // 500)]))


def _read(open_socket: socket.socket) -> None:
    got = open_socket.recv(65536)
    while b"\r\n\r\n" not in got:
        got += open_socket.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), got[:300]
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += open_socket.recv(65536)


@contextmanager
def _one_query(folder: Path) -> Iterator[tuple[str, int]]:
    """Start the reference with as many workers and threads as the hub."""
    from config.processes import free_port

    bind = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "benchmarks._one_query", "--bind", bind, "--workers", "2", "--threads", "16"]
    with (folder / "reference.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--preload", "--no-control-socket", "--log-level", "warning"], stdout=log, stderr=log
        )
    try:
        host, port = bind.split(":")
        for _ in range(100):
            try:
                socket.create_connection((host, int(port))).close()
                break
            except OSError:
                time.sleep(0.1)
        time.sleep(1)  # until both workers are there
        yield bind, server.pid
    finally:
        server.terminate()
        server.wait()
