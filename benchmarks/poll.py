"""[poll] edges that ask and find nothing new: EDGES of them over 8 connections, by their own keys, against two web workers.

The reference of the same run is a view that does nearly nothing (`/live`), asked in the same way.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks._hub import cpu_seconds, load, own_hub, resident_mb
from benchmarks.rollout import CHUNK, EDGES, _released

SECONDS = float(os.environ.get("SECONDS", "10"))
CLIENTS = 2


def main() -> None:
    with own_hub() as folder:
        from config.processes import Processes, free_port

        known = _fleet()
        port = free_port()
        hub = Processes(f"127.0.0.1:{port}", folder / "logs", web_workers=2)
        hub.start("web")
        try:
            hub.wait_ready()
            web = hub.running["web"].pid
            paths = _written(folder, known)
            _rate(port, 3, paths, "304")  # each worker's mirror is there
            used = cpu_seconds(web)
            ours = _rate(port, SECONDS, paths, "304")
            cpu = cpu_seconds(web) - used
            nothing = _rate(port, SECONDS, _written(folder, [("/live", "none", "-")] * 64, "live"), "200")
            figures = {"ours": round(ours), "unit": "polls/s", "reference": "/live, asked in the same way, /s"}
            figures |= {"reference_value": round(nothing), "ratio": round(ours / nothing, 2), "rows": EDGES, "seconds": SECONDS}
            figures |= {"web_cpu_us_a_poll": round(1e6 * cpu / (ours * SECONDS)), "rss_mb": resident_mb(web)}
        finally:
            hub.stop()
        print(json.dumps({"name": "poll", **figures, **load()}))


def _fleet() -> list[tuple[str, str, str]]:
    """Make the fleet, each edge with its key, and send it a version; answers path, key and ETag of each."""
    from accounts.actions import access_key
    from accounts.models import AccessKey, Role, User
    from deployments.actions import rollout
    from deployments.models import EdgeServer, EdgeSlot
    from learning.actions import module
    from training import trust

    ada, bo = (User.objects.create(name=name, email=f"{name}@bench.example", role=Role.SUPER_ADMIN) for name in ("Ada", "Bo"))
    digits = module.add("digits", by=ada, name="Digits", task="classification", labels=["0", "1"])
    trust.init()
    keys = {}
    for start in range(0, EDGES, CHUNK):
        names = [f"edge-{number}" for number in range(start, min(start + CHUNK, EDGES))]
        machines = User.objects.bulk_create(User(name=name, role=Role.EDGE) for name in names)
        edges = EdgeServer.objects.bulk_create(EdgeServer(name=machine.name, user=machine) for machine in machines)
        EdgeSlot.objects.bulk_create(EdgeSlot(edge_server=edge, module=digits) for edge in edges)
        texts = [f"cc_{machine.pk:08d}_{'x' * 40}{machine.pk}" for machine in machines]
        AccessKey.objects.bulk_create(
            AccessKey(user=machine, prefix=f"{machine.pk:08d}", sha256=access_key.digest(text), scopes=[])
            for machine, text in zip(machines, texts, strict=True)
        )
        keys |= dict(zip([edge.pk for edge in edges], texts, strict=True))
    rollout.start(_released(digits, "1.0.0", ada, bo), by=ada)
    etags = EdgeServer.objects.values_list("pk", "assignment_etag")
    return [("/api/v1/edge/assignment", keys[pk], etag) for pk, etag in etags]


def _written(folder: Path, known: Sequence[tuple[str, ...]], name: str = "edges") -> list[Path]:
    """Write each client's share of the requests."""
    paths = []
    for number in range(CLIENTS):
        path = folder / f"{name}-{number}.tsv"
        path.write_text("\n".join("\t".join(row) for row in known[number::CLIENTS]))
        paths.append(path)
    return paths


def _rate(port: int, seconds: float, paths: list[Path], status: str) -> float:
    command: list[Any] = [sys.executable, "-m", "benchmarks._poller", str(port), str(seconds)]
    clients = [subprocess.Popen([*command, str(path), status], stdout=subprocess.PIPE, text=True) for path in paths]
    rate = 0.0
    for client in clients:
        said, _ = client.communicate()
        assert client.returncode == 0
        answered, took = said.split()
        rate += int(answered) / float(took)
    return rate


if __name__ == "__main__":
    main()
