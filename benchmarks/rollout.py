"""[rollout] start a rollout to EDGES edge servers (10,000; DESIGN also asks for 100,000): deployments written, assignments signed.

The reference is AWS IoT's published rate of job executions, 1,000 devices a minute.
"""

import json
import os
import resource
import time
from typing import Any

from benchmarks._hub import own_hub

EDGES = int(os.environ.get("EDGES", "10000"))
REFERENCE_PER_SECOND = 1_000 / 60
CHUNK = 5_000


def main() -> None:
    with own_hub():
        print(json.dumps({"name": "rollout", **_measure()}))


def _measure() -> dict[str, Any]:
    from deployments.actions import rollout
    from deployments.models import EdgeServer

    ada, old, new = _ground()
    rollout.start(old, by=ada)  # a fleet that has run something before, its documents and deployments included
    _complete(ada)
    began, began_cpu = time.perf_counter(), time.process_time()
    started = rollout.start(new, by=ada)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
    signed = EdgeServer.objects.filter(assignment__isnull=False).count()
    assert (started.deployments.count(), signed) == (EDGES, EDGES)
    reference = EDGES / REFERENCE_PER_SECOND
    return {
        "ours": round(seconds, 3),
        "unit": f"s to {EDGES:,} edges",
        "reference": "AWS IoT jobs, 1,000 devices a minute",
        "reference_value": reference,
        "ratio": round(seconds / reference, 5),
        "rows": EDGES,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _complete(ada: Any) -> None:
    from deployments.models import DeploymentStatus, ModelDeployment

    ModelDeployment.objects.update(status=DeploymentStatus.COMPLETED)


def _ground() -> tuple[Any, Any, Any]:
    """Make the fleet, and two released versions."""
    from accounts.models import Role, User
    from deployments.models import EdgeServer, EdgeSlot
    from learning.actions import module
    from training import trust

    ada, bo = (User.objects.create(name=name, email=f"{name}@bench.example", role=Role.SUPER_ADMIN) for name in ("Ada", "Bo"))
    digits = module.add("digits", by=ada, name="Digits", task="classification", labels=["0", "1"])
    trust.init()
    for start in range(0, EDGES, CHUNK):
        names = [f"edge-{number}" for number in range(start, min(start + CHUNK, EDGES))]
        machines = User.objects.bulk_create(User(name=name, role=Role.EDGE) for name in names)
        edges = EdgeServer.objects.bulk_create(EdgeServer(name=machine.name, user=machine) for machine in machines)
        EdgeSlot.objects.bulk_create(EdgeSlot(edge_server=edge, module=digits) for edge in edges)
    return ada, _released(digits, "1.0.0", ada, bo), _released(digits, "2.0.0", ada, bo)


def _released(digits: Any, number: str, ada: Any, bo: Any) -> Any:
    import hashlib

    from django.utils import timezone

    from core.storage import new_name, put_bytes
    from learning.models import StoredObject
    from training.actions import model_version
    from training.models import ModelStatus, ModelVersion

    content, name = number.encode(), new_name("application/zip")
    put_bytes(name, content, media_type="application/zip", metadata={"kind": "bundle"})
    bundle = StoredObject.objects.create(
        name=name, kind="bundle", sha256=hashlib.sha256(content).hexdigest(), size=len(content), media_type="application/zip"
    )
    version = ModelVersion.objects.create(
        module=digits,
        version=number,
        name="digits",
        status=ModelStatus.APPROVED,
        bundle=bundle,
        requested_by=ada,
        approved_by=bo,
        approved_at=timezone.now(),
        trained_at=timezone.now(),
    )
    return model_version.release(version, by=bo)
