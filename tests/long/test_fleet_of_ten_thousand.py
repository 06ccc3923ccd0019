"""A rollout to ten thousand edges, one in twenty failing and one in twenty silent, against a simulation that knows only the plan.

`EDGES` makes the fleet smaller.
"""

import math
import os
import random
from datetime import timedelta

import pytest
from django.db.models import Count, F

from accounts.models import Event, Role, User
from deployments.actions import deployment as deployment_verbs
from deployments.actions import rollout
from deployments.models import EdgeServer, EdgeSlot, ModelDeployment, RolloutState
from tests import people
from tests.deployments.conftest import said
from tests.factories.deployments import released_version

pytestmark = [pytest.mark.django_db, pytest.mark.long]
EDGES = int(os.environ.get("EDGES", "10000"))
WAVES = [{"count": 20, "name": "canary"}, {"share": 0.25}, {"share": 1.0}]
SILENT_AFTER = 60


def fates(dice):
    """What each edge will do, in the order in which it is reached."""
    return dice.choices(["completed", "failed", "silent"], weights=[90, 5, 5], k=EDGES)


def simulated(fate, *, success, borne_share):
    """Answer what happens, step by step: (wave, what is done) until the end, and how the edges stand then."""
    reaches = [20, math.ceil(0.25 * EDGES), EDGES]
    told, begin, steps = {"completed": 0, "failed": 0, "silent": 0}, 0, []
    for number, end in enumerate(reaches, 1):
        wave = fate[begin:end]
        completed, failed, silent = (wave.count(word) for word in ("completed", "failed", "silent"))
        told["completed"] += completed
        told["failed"] += failed
        if told["failed"] + told["silent"] > math.floor(borne_share * EDGES):
            steps.append((number, "paused"))
            return steps, told
        if completed / len(wave) < success:
            steps.append((number, "waits for the silent"))
            told["silent"] += silent
            steps.append((number, "paused"))
            return steps, told
        steps.append((number, "over"))
        begin = end
    return steps, told


def fleet(module):
    machines = User.objects.bulk_create(User(name=f"edge-{n}", role=Role.EDGE) for n in range(EDGES))
    edges = EdgeServer.objects.bulk_create(EdgeServer(name=machine.name, user=machine) for machine in machines)
    EdgeSlot.objects.bulk_create(EdgeSlot(edge_server=edge, module=module) for edge in edges)
    return edges


@pytest.mark.parametrize(
    ("success", "borne_share", "seed"), [(0.85, 0.2, 1), (0.85, 0.02, 2), (0.93, 0.2, 3), (0.5, 0.05, 4), (0.0, 1.0, 5)]
)
def test_every_step_is_as_simulated(success, borne_share, seed):
    version = released_version(organization=None)
    edges = fleet(version.module)
    fate = fates(random.Random(seed))
    expected, told = simulated(fate, success=success, borne_share=borne_share)
    plan = {"waves": WAVES, "advance": {"success": success}}
    plan["error"] = {"max_share": borne_share, "silent_after_minutes": SILENT_AFTER}
    one = deployment_verbs.deploy_all(version, by=people.ada(), confirm_edges=EDGES, plan=plan)
    by_edge = {edge.pk: (edge, word) for edge, word in zip(edges, fate, strict=True)}
    steps = []
    for number in (1, 2, 3):
        answered = set()
        for row in ModelDeployment.objects.filter(rollout=one, wave__number=number, offered_at__isnull=False):
            edge, word = by_edge[row.edge_server_id]
            answered.add(row.pk)
            if word != "silent":
                deployment_verbs.report(row, [said(word)], by=edge.user)
        assert len(answered) == one.waves.get(number=number).deployments.count()
        state = rollout.advance(one.pk).state
        if state == RolloutState.RUNNING and one.waves.get(number=number).finished_at is None:
            steps.append((number, "waits for the silent"))
            hour = timedelta(minutes=SILENT_AFTER + 1)
            ModelDeployment.objects.filter(rollout=one, wave__number=number).update(offered_at=F("offered_at") - hour)
            state = rollout.advance(one.pk).state
        steps.append((number, "paused" if state == RolloutState.PAUSED else "over"))
        if state == RolloutState.PAUSED:
            break
    counts = dict(one.deployments.values_list("status").annotate(Count("pk")).order_by())
    assert steps == expected
    assert (counts.get("completed", 0), counts.get("failed", 0)) == (told["completed"], told["failed"])
    opened = Event.objects.about("deployments.rollout", one.pk).filter(verb="open_wave").count()
    assert opened == len({number for number, _ in expected})
