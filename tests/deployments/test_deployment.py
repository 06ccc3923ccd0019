"""Deployments: what an edge reports, in any order; and what it may fetch."""

import itertools
import random
from datetime import timedelta

import pytest
from django.utils import timezone
from tuf.api.metadata import Metadata

from accounts.models import Event
from core.errors import Conflict, Invalid, Missing, Refused
from deployments.actions import deployment as verbs
from deployments.actions import rollout
from deployments.models import DeploymentReport, EdgeSlot, ModelDeployment
from tests import people
from tests.core.clock import yesterday
from tests.deployments.conftest import assigned_to, said, tell
from tests.factories.deployments import EdgeServerFactory, released_version
from tests.racing import race
from training.actions import model_version

pytestmark = pytest.mark.django_db

STORY = [
    said("downloading", seq=1),
    said("downloading", seq=2, progress_percent=50),
    said("installing", seq=3, progress_percent=80),
    said("completed", seq=4),
    said("failed", seq=5, error_message="too late"),
]


def deployed(edge=None):
    edge = edge or EdgeServerFactory()
    return verbs.deploy(released_version(), edge, by=people.ada())[1]


def read_again(deployment):
    return ModelDeployment.objects.get(pk=deployment.pk)


# deploy


def test_one_edge_is_a_rollout_of_one():
    edge, other = EdgeServerFactory(), EdgeServerFactory()
    one, deployment = verbs.deploy(released_version(), edge, by=people.ada())
    assert (deployment.rollout, deployment.edge_server) == (one, edge)
    assert not other.deployments.exists()


def test_a_deployment_for_later_is_not_there_yet():
    later = timezone.now() + timedelta(hours=1)
    one, deployment = verbs.deploy(released_version(), EdgeServerFactory(), by=people.ada(), scheduled_at=later)
    assert (one.state, deployment) == ("scheduled", None)


def test_it_remembers_what_it_replaces():
    edge = EdgeServerFactory()
    first = deployed(edge)
    assert first.replaces is None
    tell(edge, "completed")
    assert deployed(edge).replaces == first.model_version


# report


def test_reports_move_the_deployment_along():
    deployment = deployed()
    edge = deployment.edge_server
    for count, report in enumerate(STORY[:4], start=1):
        answer = verbs.report(deployment, [report], by=edge.user)
        assert answer.status == report.status
        assert deployment.reports.count() == count
    deployment = read_again(deployment)
    assert (deployment.progress_percent, deployment.completed_at) == (100, STORY[3].at)
    assert deployment.started_at == STORY[0].at


def test_fifty_shuffled_orders_and_requests_end_the_same():
    version, ada, expected = released_version(), people.ada(), None
    for seed in range(50):
        told = list(itertools.chain(STORY, STORY[::2]))
        random.Random(seed).shuffle(told)
        deployment = verbs.deploy(version, EdgeServerFactory(), by=ada)[1]
        cut = seed % len(told)
        for part in filter(None, (told[:cut], told[cut:])):
            verbs.report(deployment, part, by=deployment.edge_server.user)
        deployment = read_again(deployment)
        ended = (deployment.status, deployment.progress_percent, deployment.started_at, deployment.completed_at)
        assert ended == (expected := expected or ended)
        assert (deployment.status, deployment.reports.count()) == ("completed", 5)


def test_completing_makes_the_version_active_on_the_edge():
    edge = EdgeServerFactory()
    first, second = deployed(edge), None
    tell(edge, "completed")
    second = deployed(edge)
    tell(edge, "completed")
    slot = EdgeSlot.objects.get()
    assert (slot.active_version, slot.previous_version) == (second.model_version.version, first.model_version.version)


def test_an_end_is_recorded_once():
    edge = EdgeServerFactory()
    deployment = deployed(edge)
    for _ in range(2):
        tell(edge, "failed", error_message="disk full")
    assert read_again(deployment).error_message == "disk full"
    assert Event.objects.filter(verb="report", object_id=str(deployment.pk)).count() == 1


def test_another_edges_deployment_is_not_there():
    deployment, other = deployed(), EdgeServerFactory()
    with pytest.raises(Missing):
        verbs.report(deployment, STORY, by=other.user)
    assert not DeploymentReport.objects.exists()


def test_a_person_does_not_report():
    with pytest.raises(Refused):
        verbs.report(deployed(), STORY, by=people.ada())


@pytest.mark.parametrize("count", [0, 1_001])
def test_the_number_of_reports_is_bounded(count):
    deployment = deployed()
    with pytest.raises(Invalid):
        verbs.report(deployment, [said("installing", seq=n) for n in range(count)], by=deployment.edge_server.user)


def test_what_was_superseded_may_turn_out_to_have_been_completed():
    edge = EdgeServerFactory()
    old, new = deployed(edge), deployed(edge)
    verbs.report(old, [said("installing")], by=edge.user)
    assert read_again(old).status == "superseded"
    verbs.report(old, [said("completed", seq=2)], by=edge.user)
    assert read_again(old).status == "completed"
    assert EdgeSlot.objects.get().active_version == ""
    assert assigned_to(edge) == new


def test_what_was_rolled_back_stays_so():
    edge = EdgeServerFactory()
    deployed(edge)
    tell(edge, "completed")
    bad = deployed(edge)
    tell(edge, "completed")
    rollout.rollback(bad.rollout, by=people.ada())
    verbs.report(bad, [said("failed", seq=0)], by=edge.user)
    assert read_again(bad).status == "rolled_back"


def test_a_newer_attempt_opens_an_ended_deployment_again_while_it_is_assigned():
    edge = EdgeServerFactory()
    deployment = deployed(edge)
    tell(edge, "failed")
    tell(edge, "downloading", attempt=2)
    assert read_again(deployment).status == "downloading"
    tell(edge, "failed", attempt=2, seq=2)
    newer = deployed(edge)
    verbs.report(deployment, [said("downloading", attempt=3)], by=edge.user)
    assert (read_again(deployment).status, read_again(newer).status) == ("failed", "pending")


@pytest.mark.django_db(transaction=True)
def test_reports_from_many_connections_at_once_all_count():
    deployment = deployed()
    edge = deployment.edge_server
    won, lost = race(lambda i: verbs.report(deployment, [STORY[i % 4], said("installing", seq=100 + i)], by=edge.user))
    assert (len(won), lost) == (8, [])
    assert read_again(deployment).status == "completed"
    assert deployment.reports.count() == 12


# retry


def counter_of(edge):
    edge.refresh_from_db()
    return edge.assignment_version


def test_a_failed_deployment_is_offered_again_under_the_next_attempt():
    edge = EdgeServerFactory()
    deployment = deployed(edge)
    tell(edge, "failed", error_message="disk full")
    before = counter_of(edge)
    again = verbs.retry(deployment, by=people.bo())
    assert (again.status, again.attempt, again.retry_count, again.error_message) == ("pending", 2, 1, "")
    assert counter_of(edge) > before
    (line,) = Metadata.from_bytes(bytes(edge.assignment)).signed.targets.values()
    assert (line.custom["deployment"], line.custom["attempt"]) == (str(deployment.pk), 2)
    tell(edge, "completed", attempt=1, seq=9)
    assert read_again(deployment).status == "pending"
    tell(edge, "completed", attempt=2)
    assert read_again(deployment).status == "completed"
    assert Event.objects.filter(verb="retry", object_id=str(deployment.pk)).count() == 1


@pytest.mark.parametrize("status", [None, "downloading", "installing", "completed"])
def test_only_what_failed_is_tried_again(status):
    edge = EdgeServerFactory()
    deployment = deployed(edge)
    if status:
        tell(edge, status)
    with pytest.raises(Conflict, match="Only a failed"):
        verbs.retry(deployment, by=people.ada())


def test_what_is_assigned_no_more_is_not_tried_again():
    edge = EdgeServerFactory()
    old = deployed(edge)
    tell(edge, "failed")
    deployed(edge)
    with pytest.raises(Conflict, match="Another version"):
        verbs.retry(old, by=people.ada())


def test_what_waits_for_a_later_wave_is_not_overtaken():
    first, second = EdgeServerFactory(), EdgeServerFactory()
    old = deployed(second)
    tell(second, "failed")
    rollout.start(released_version(), by=people.ada(), plan={"waves": [{"count": 1}, {"share": 1.0}]})
    assert first.deployments.exists()
    with pytest.raises(Conflict, match="on its way"):
        verbs.retry(old, by=people.ada())


def test_what_is_deprecated_is_not_tried_again():
    edge = EdgeServerFactory()
    deployment = deployed(edge)
    tell(edge, "failed")
    model_version.deprecate(deployment.model_version, by=people.bo(), reason="Old.")
    with pytest.raises(Conflict, match="offered no more"):
        verbs.retry(deployment, by=people.ada())


@pytest.mark.parametrize("who", [people.olga, people.rhea, people.cy])
def test_only_who_may_deploy_tries_again(who):
    edge = EdgeServerFactory()
    deployment = deployed(edge)
    tell(edge, "failed")
    with pytest.raises(Refused):
        verbs.retry(deployment, by=who())


@pytest.mark.django_db(transaction=True)
def test_of_eight_who_try_again_at_once_one_does():
    edge, ada = EdgeServerFactory(), people.ada()
    deployment = deployed(edge)
    tell(edge, "failed")
    won, lost = race(lambda _: verbs.retry(deployment, by=ada))
    assert (len(won), len(lost)) == (1, 7)
    assert read_again(deployment).attempt == 2


# download


def test_asked_again_when_it_ran_out_a_fresh_address_is_given():
    deployment = deployed()
    edge = deployment.edge_server
    with yesterday():
        old = verbs.download(deployment, by=edge.user)
    fresh = verbs.download(deployment, by=edge.user)
    assert old.expires_at < timezone.now() < fresh.expires_at
    assert old.url != fresh.url


def test_the_assigned_edge_gets_a_short_lived_address():
    deployment = deployed()
    signed = verbs.download(deployment, by=deployment.edge_server.user)
    assert signed.method == "GET"
    assert timedelta(minutes=5) < signed.expires_at - timezone.now() <= timedelta(minutes=15)


def test_no_other_edge_gets_one():
    with pytest.raises(Missing):
        verbs.download(deployed(), by=EdgeServerFactory().user)


def test_what_is_assigned_no_more_is_not_fetched():
    edge = EdgeServerFactory()
    old = deployed(edge)
    deployed(edge)
    with pytest.raises(Conflict, match="Another version"):
        verbs.download(old, by=edge.user)


def test_what_is_deprecated_is_not_fetched():
    deployment = deployed()
    model_version.deprecate(deployment.model_version, by=people.bo(), reason="Old.")
    with pytest.raises(Conflict, match="offered no more"):
        verbs.download(deployment, by=deployment.edge_server.user)
