"""The edges, rollouts and deployments of the hub that `benchmarks._world` writes."""

import json
from typing import TYPE_CHECKING

from benchmarks._rows import digest, part, pick, seed, series
from benchmarks._world_training import model_id

if TYPE_CHECKING:
    from benchmarks._world import Sizes

ROLLOUTS, TO_ALL, TO_A_FEW, WAVES, HOURS = 200, 10, 50, 3, 24
TELEMETRY = [{"kind": "host", "cpu_percent": 40, "disk_free_gb": 120}]
MEASURED = {"images": 500, "errors": 2, "empty": 20, "latency": {"10": 480, "14": 20}, "confidence": [0] * 5 + [100] * 5}


def fill(sizes: "Sizes", modules: dict[str, int]) -> None:
    """Write edges of two slots each with what they told, their keys, and two hundred rollouts, the first ones to all edges."""
    _edges(sizes, modules)
    _rollouts(sizes)


def _edges(sizes: "Sizes", modules: dict[str, int]) -> None:
    from accounts.models import AccessKey, User
    from benchmarks._world import CITIES, EDGE_USERS
    from deployments.models import EdgeServer, EdgeSlot, EdgeTelemetry

    owner = "CASE WHEN n % 10 < 8 THEN 1 + n % 20 END"
    edges, told = series(sizes.edges), json.dumps(TELEMETRY)
    seed(
        User,
        edges,
        id=f"{EDGE_USERS} + n",
        name="'edge-' || n",
        email="NULL",
        password="'!'",
        role="'edge'",
        organization_id=owner,
    )
    seed(AccessKey, edges, user_id=f"{EDGE_USERS} + n", prefix="'edge' || n", sha256=digest("'edge' || n"), created_at="now()")
    seen = f"CASE WHEN n % 50 = 0 THEN now() - interval '2 days' WHEN n % 333 = 0 THEN NULL ELSE now() - {part(30)} * interval '1 minute' END"
    seed(EdgeServer, edges, id="n", organization_id=owner, city_id=f"101 + n % {CITIES}", user_id=f"{EDGE_USERS} + n",
         name="'edge-' || n", platform="""'{"arch": "aarch64", "os": "linux"}'::jsonb""", telemetry=f"'{told}'::jsonb",
         edge_version=pick(["1.2.0"] * 8 + ["1.1.0", "1.0.0"], part(31)), group=pick(["pilot", "north", "south"], part(32)),
         labels="""'{"site": "roof"}'::jsonb""", assignment="convert_to(repeat('x', 1500), 'UTF8')", assignment_version="3",
         assignment_etag="md5(n::text)", enrolled_at="now()", last_seen_at=seen, created_at="now()",
         retired_at="CASE WHEN n % 100 = 99 THEN now() END")  # fmt: skip
    keys = sorted(modules.values())[:2]
    slots = (
        f"{edges}, unnest(ARRAY{keys}::bigint[]) AS module JOIN ai_model_versions AS m ON m.module_id = module AND m.is_active"
    )
    running = "CASE WHEN n % 33 = 0 THEN '1.1.0' ELSE m.version END"
    seed(EdgeSlot, slots.replace(", unnest", " CROSS JOIN unnest"), edge_server_id="n", module_id="module", desired_id="m.id",
         desired_at="now() - interval '2 days'", active_version=running, previous_version="'1.0.0'", reported_counter="3",
         reported_at="now()", held="n % 99 = 0", telemetry=f"'{told}'::jsonb", telemetry_at="now()")  # fmt: skip
    seed(EdgeTelemetry, f"edge_slots AS s, generate_series(1, {HOURS}) AS h WHERE s.module_id = {keys[0]}",
         edge_server_id="s.edge_server_id", module_id="s.module_id", version="s.active_version",
         hour="date_trunc('hour', now()) - h * interval '1 hour'", measured=f"'{json.dumps(MEASURED)}'::jsonb")  # fmt: skip


def _rollouts(sizes: "Sizes") -> None:
    from benchmarks._world_training import BASE
    from deployments.models import DeploymentReport, ModelDeployment, Rollout, RolloutWave

    module = "(SELECT min(id) FROM ai_modules)"
    released = f"(SELECT id, row_number() OVER (ORDER BY id) - 1 AS r FROM ai_model_versions WHERE module_id = {module} AND status = 'released')"
    count = f"(SELECT count(*) FROM ai_model_versions WHERE module_id = {module} AND status = 'released')"
    rollout = "md5('rollout' || n)::uuid"
    state = "CASE WHEN n = 1 THEN 'running' WHEN n % 40 = 0 THEN 'paused' WHEN n % 25 = 0 THEN 'aborted' ELSE 'completed' END"
    last = model_id(str(sizes.models))
    seed(Rollout, f"{series(ROLLOUTS)} JOIN {released} AS m ON m.r = n % {count}", id=rollout, state=state, created_by_id=str(BASE),
         model_version_id=f"CASE WHEN n = 1 THEN {last} ELSE m.id END", created_at="now() - n * interval '1 day'",
         started_at="now() - n * interval '1 day'", finished_at="CASE WHEN n > 1 THEN now() - n * interval '1 day' END",
         plan="""'{"waves": [{"share": 0.1}, {"share": 0.5}, {"share": 1.0}]}'::jsonb""")  # fmt: skip
    seed(RolloutWave, f"{series(ROLLOUTS)}, generate_series(1, {WAVES}) AS w", id=f"n * {WAVES} + w", rollout_id=rollout, number="w",
         opened_at="now()", finished_at="CASE WHEN n > 1 OR w < 2 THEN now() END")  # fmt: skip
    reached = f"CASE WHEN n <= {TO_ALL} THEN {sizes.edges} ELSE {TO_A_FEW} END"
    status = "CASE WHEN n = 1 AND e % 10 > 3 THEN 'pending' WHEN n = 1 AND e % 10 = 3 THEN 'installing' WHEN e % 100 = 7 THEN 'failed' ELSE 'completed' END"
    sent = f"{series(ROLLOUTS)} JOIN rollouts AS r ON r.id = {rollout} CROSS JOIN LATERAL generate_series(1, {reached}) AS e"
    seed(ModelDeployment, sent, id="md5('deployment' || n || '.' || e)::uuid", model_version_id="r.model_version_id", edge_server_id="e",
         module_id=module, rollout_id="r.id", wave_id=f"n * {WAVES} + 1 + e % {WAVES}", status=status, progress_percent="50",
         offered_at="r.created_at", started_at="r.created_at", completed_at=f"CASE WHEN {status} = 'completed' THEN r.created_at END",
         created_by_id=str(BASE), created_at="r.created_at")  # fmt: skip
    seed(DeploymentReport, "model_deployments AS d, generate_series(1, 3) AS q WHERE d.rollout_id = md5('rollout' || 1)::uuid AND d.status <> 'pending'",
         deployment_id="d.id", attempt="1", seq="q", status="'installing'", progress_percent="30 * q", at="now()", received_at="now()")  # fmt: skip
