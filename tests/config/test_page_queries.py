"""What every page costs: at most twenty queries, and as many on a hub of many rows as on one of few."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments.models import ModelDeployment
from learning.models import ReviewSlot
from tests import people
from tests.config.test_portal_pages import OPEN_TO_ALL, PAGES
from tests.factories import training as rooms
from tests.factories.accounts import OrganizationFactory
from tests.factories.deployments import EdgeServerFactory
from tests.factories.training_models import ModelVersionFactory
from tests.factories.world import World, world
from tests.pages import looking
from training.models import MetricPoint, RunLog, TrainingJob

pytestmark = pytest.mark.django_db
MOST = 20
CHANGES = {"review of a module"}
"""What gives its person a sample the first time, and finds it in their hand the second."""


def _costs(made: World) -> dict[str, int]:
    """Answer how many queries each page takes for a super admin who has looked at it before."""
    ada = looking(people.ada())
    addresses = {**{name: address(made) for name, address in PAGES.items()}, **OPEN_TO_ALL}
    costs = {}
    for name, address in addresses.items():
        assert ada.get(address).status_code == 200, name
        with CaptureQueriesContext(connection) as captured:
            ada.get(address)
        costs[name] = len(captured)
    return costs


def _grow(made: World) -> None:
    """Add to what the pages of one thing show of it, and put three customers beside."""
    ada = people.ada()
    for number in range(10, 14):
        settled = rooms.sample(made.module, made.city, number, batch=made.batch)
        waiting = rooms.sample(
            made.module, made.city, number + 10, batch=made.batch, state="pending", truth=None, truth_sha256=""
        )
        ReviewSlot.opened(waiting).save()
        made.batch.rejections.create(event_id=f"e-{number}", reason=f"reason_{number}", detail="No.")
        model = ModelVersionFactory(module=made.module, dataset_version=made.version, training_job=made.job, status="testing")
        edge = EdgeServerFactory(name=f"edge-{number}", city=made.city)
        wave = made.rollout.waves.create(number=number)
        ModelDeployment.objects.create(
            model_version=made.model, edge_server=edge, module=made.module, rollout=made.rollout, wave=wave, created_by=ada
        )
        run = made.job.runs.get(attempt=1)
        MetricPoint.objects.create(run=run, name=f"measure_{number}", step=1, value=0.5)
        RunLog.objects.create(run=run, seq=number, at=timezone.now(), text="more")
        assert settled.pk
        assert model.pk
    assert TrainingJob.objects.exists()
    for slug in ("one", "two", "three"):
        world(OrganizationFactory(slug=slug))


def test_every_page_takes_few_queries_and_as_many_for_many_rows_as_for_few():
    made = world()
    few = _costs(made)
    assert {name: cost for name, cost in few.items() if cost > MOST} == {}
    _grow(made)
    many = _costs(made)
    assert {name: (few[name], many[name]) for name in few if many[name] > few[name] and name not in CHANGES} == {}
    assert max(many.values()) <= MOST
