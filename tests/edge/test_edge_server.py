"""The agent in a process of its own against the real hub: enrol, run, answer, go back, refuse."""

import io
import signal

import pytest

from accounts.actions import access_key
from core.storage import store
from deployments.actions import edge_server, rollout
from deployments.models import EdgeSlot, ModelDeployment, RolloutState
from learning.actions import module
from tests import people
from tests.edge.bundles import LABELS, bundle_bytes, image
from tests.edge.live import end, run, serve_store_at, start, until
from tests.factories.deployments import released_version
from tests.factories.training_models import stored_bundle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def digits(live_server, settings):
    serve_store_at(live_server.url, settings)
    return module.add("digits", by=people.ada(), name="Digits", task="classification", labels=LABELS)


@pytest.fixture
def folder(live_server, digits, tmp_path):
    """An enrolled agent's folder."""
    edge, code, root = edge_server.add("edge-1", by=people.ada(), organization=people.acme(), modules=[digits])
    arguments = ("--hub", live_server.url, "--code", code, "--root-sha256", root, "--name", "edge-1")
    enrolled = run("enrol", "--dir", tmp_path / "edge", *arguments)
    assert enrolled.code == 0, enrolled.said
    assert enrolled.lines[0]["edge_server_id"] == edge.pk
    return tmp_path / "edge"


def release(digits, tmp_path, version: str, **bends):
    return released_version(module=digits, version=version, bundle=stored_bundle(bundle_bytes(tmp_path, **bends)))


def roll_out(version):
    begun = rollout.start(version, by=people.ada())
    return begun, ModelDeployment.objects.get(rollout=begun)


def answers(folder, tmp_path) -> tuple[str, str]:
    """Answer (version, label) of a light image, as the edge itself says."""
    (tmp_path / "light.png").write_bytes(image(250))
    said = run("infer", "--dir", folder, "--module", "digits", tmp_path / "light.png")
    assert said.code == 0, said.said
    return said.lines[0]["version"], said.lines[0]["value"]["label"]


def slot() -> EdgeSlot:
    return EdgeSlot.objects.get(edge_server__name="edge-1")


def test_enrol_run_answer_and_back_again(folder, digits, tmp_path):
    _, deployment = roll_out(release(digits, tmp_path, "1.0.0"))
    once = run("run", "--dir", folder, "--once")
    assert once.code == 0, once.said
    deployment.refresh_from_db()
    assert (deployment.status, deployment.progress_percent) == ("completed", 100)
    assert (slot().active_version, slot().previous_version) == ("1.0.0", "")
    assert answers(folder, tmp_path) == ("1.0.0", "light")

    second, _ = roll_out(release(digits, tmp_path, "2.0.0", kind=-1))
    assert run("run", "--dir", folder, "--once").code == 0
    assert answers(folder, tmp_path) == ("2.0.0", "dark")
    assert slot().previous_version == "1.0.0"
    rollout.advance(second.pk)

    second.refresh_from_db()
    rollout.rollback(second, by=people.bo())
    assert run("run", "--dir", folder, "--once").code == 0
    assert answers(folder, tmp_path) == ("1.0.0", "light")
    rollout.advance(second.pk)
    second.refresh_from_db()
    assert second.state == RolloutState.ROLLED_BACK

    [status] = run("status", "--dir", folder).lines
    assert (
        status["modules"]["digits"].items() >= {"active_version": "1.0.0", "previous_version": "2.0.0", "whole": True}.items()
    )
    assert status["reports_waiting"] == 0


def test_a_running_agent_takes_up_a_rollout_by_itself_and_ends_when_asked(folder, digits, tmp_path):
    agent = start("run", "--dir", folder, "--poll", "0.1")
    try:
        until(lambda: slot().edge_server.last_seen_at)
        _, deployment = roll_out(release(digits, tmp_path, "1.0.0"))
        until(lambda: ModelDeployment.objects.get(pk=deployment.pk).status == "completed")
        until(lambda: slot().active_version == "1.0.0")
    finally:
        agent.terminate()
        ended = end(agent)
    assert (ended.code, ended.lines) == (0, [])


def test_killed_in_the_middle_of_an_update_it_finishes_it_once_after_a_restart(folder, digits, tmp_path):
    roll_out(release(digits, tmp_path, "1.0.0"))
    assert run("run", "--dir", folder, "--once").code == 0
    _, deployment = roll_out(release(digits, tmp_path, "2.0.0", kind=-1))
    agent = start("run", "--dir", folder, "--poll", "0.1")
    until(lambda: ModelDeployment.objects.get(pk=deployment.pk).status != "pending")
    agent.kill()
    assert end(agent).code == -signal.SIGKILL
    assert answers(folder, tmp_path)[0] in {"1.0.0", "2.0.0"}
    restarted = run("run", "--dir", folder, "--once")
    assert restarted.code == 0, restarted.said
    deployment.refresh_from_db()
    assert (deployment.status, deployment.progress_percent, deployment.attempt) == ("completed", 100, 1)
    assert deployment.reports.filter(status="completed").count() == 1
    assert ModelDeployment.objects.filter(model_version=deployment.model_version).count() == 1
    assert (slot().active_version, slot().previous_version) == ("2.0.0", "1.0.0")
    assert answers(folder, tmp_path) == ("2.0.0", "dark")


def test_a_site_that_goes_back_is_held_until_a_person_lifts_it(folder, digits, tmp_path):
    for version, kind in (("1.0.0", 1), ("2.0.0", -1)):
        _, deployment = roll_out(release(digits, tmp_path, version, kind=kind))
        assert run("run", "--dir", folder, "--once").code == 0
    assert run("rollback", "--dir", folder, "--module", "digits").lines[0]["active_version"] == "1.0.0"
    assert run("run", "--dir", folder, "--once").code == 0
    assert (slot().held, slot().active_version) == (True, "1.0.0")
    assert run("run", "--dir", folder, "--once").code == 0
    assert answers(folder, tmp_path) == ("1.0.0", "light")
    edge_server.lift_hold(slot().edge_server, digits, by=people.ada())
    assert run("run", "--dir", folder, "--once").code == 0
    assert answers(folder, tmp_path) == ("2.0.0", "dark")
    deployment.refresh_from_db()
    assert (deployment.status, deployment.attempt, slot().held) == ("completed", 2, False)


def test_another_root_is_refused(live_server, digits, tmp_path):
    _, code, root = edge_server.add("edge-2", by=people.ada(), organization=people.acme(), modules=[digits])
    arguments = ("--dir", tmp_path / "edge", "--hub", live_server.url, "--code", code, "--name", "edge-2")
    refused = run("enrol", *arguments, "--root-sha256", root[::-1])
    assert refused.code == 1
    assert "another root" in refused.said
    assert run("run", "--dir", tmp_path / "edge", "--once").code == 6
    assert run("enrol", *arguments, "--root-sha256", root).code == 0
    assert run("run", "--dir", tmp_path / "edge", "--once").code == 0


def test_a_code_is_for_one_machine(live_server, folder, digits, tmp_path):
    _, code, root = edge_server.add("edge-2", by=people.ada(), organization=people.acme(), modules=[digits])
    arguments = ("--hub", live_server.url, "--code", code, "--name", "edge-2", "--root-sha256", root)
    assert run("enrol", "--dir", tmp_path / "one", *arguments).code == 0
    assert run("enrol", "--dir", tmp_path / "one", *arguments).code == 0
    assert run("enrol", "--dir", tmp_path / "other", *arguments).code == 5


def test_a_bundle_changed_in_the_store_is_refused_reported_and_the_old_model_stays(folder, digits, tmp_path):
    roll_out(release(digits, tmp_path, "1.0.0"))
    assert run("run", "--dir", folder, "--once").code == 0
    version = release(digits, tmp_path, "2.0.0", kind=-1)
    with store().open_object(version.bundle.name) as stream:
        content = stream.read()
    store().remove(version.bundle.name)
    store().put_new(version.bundle.name, io.BytesIO(content[:-1] + b"\x01"), media_type="application/zip", metadata={"k": "v"})
    _, deployment = roll_out(version)
    refused = run("run", "--dir", folder, "--once")
    assert refused.code == 1, refused.said
    deployment.refresh_from_db()
    assert deployment.status == "failed"
    assert "SHA-256" in deployment.error_message
    assert answers(folder, tmp_path) == ("1.0.0", "light")


def test_a_key_that_was_revoked_is_exit_code_five(folder):
    access_key.revoke((folder / "key").read_text().split("_")[1], by=None)
    assert run("run", "--dir", folder, "--once").code == 5
