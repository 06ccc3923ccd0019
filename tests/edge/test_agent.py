"""One round after another of an agent against a hub of paper: install, refuse, go back, survive."""

import hashlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from cc_edge import cli
from cc_edge.agent import Agent, store_client
from cc_edge.enrolment import enrol
from cc_edge.errors import Unfit, Unreachable
from cc_edge.home import Home
from cc_edge.hub import Hub
from cc_edge.inference import load_active
from cc_edge.slots import Slots
from cc_edge.state import State
from tests.edge.bundles import bundle_bytes, image
from tests.edge.hub_of_paper import Repository, hub_of_paper

LARGE = "# A card\n" + "x" * 600_000
CLI = [sys.executable, "-c", "import sys; from cc_edge.cli import main; sys.exit(main())"]


@pytest.fixture
def paper():
    with hub_of_paper() as paper:
        yield paper


@pytest.fixture
def home(paper, tmp_path):
    home = Home(tmp_path / "edge")
    with Hub(paper.url, tries=1) as hub:
        enrol(home, hub, code="c", root_sha256=hashlib.sha256(paper.repository.root).hexdigest(), name="edge-1")
    return home


@contextmanager
def agent_of(home, paper):
    with (
        State(home.database) as state,
        Hub(paper.url, home.key(), tries=1, stop=threading.Event()) as hub,
        store_client() as store,
    ):
        yield Agent(home, state, hub, store)


def round_of(home, paper):
    with agent_of(home, paper) as agent:
        return agent.round()


def version_on(home) -> str | None:
    active = Slots(home.modules, "digits").active()
    return active.version if active else None


def release(paper, tmp_path, version: str, **options) -> str:
    path = f"digits/{version}.zip"
    paper.release(path, bundle_bytes(tmp_path, **options))
    return path


def installed(home, paper, tmp_path, version="v1.0.0", deployment="d-1", *, kind=1) -> None:
    path = release(paper, tmp_path, version, kind=kind)
    paper.assign(path, deployment=deployment, custom={"version": version})
    assert round_of(home, paper).refused == []
    assert version_on(home) == version


def test_enrolment_makes_its_own_secret_and_shows_only_its_hash(home, paper):
    [told] = paper.enrolled
    assert home.key().startswith(f"cc_{told['key_prefix']}_")
    assert told["key_sha256"] == hashlib.sha256(home.key().encode()).hexdigest()
    assert home.key() not in json.dumps(told)
    assert home.key_file.stat().st_mode & 0o077 == 0
    assert home.edge_server_id == 3


def test_enrolment_refuses_another_root_and_again_is_the_same(home, paper):
    elsewhere = Home(home.folder.parent / "elsewhere")
    with Hub(paper.url, tries=1) as hub:
        with pytest.raises(Unfit, match="another root"):
            enrol(elsewhere, hub, code="c", root_sha256="0" * 64, name="edge-2")
        assert not elsewhere.identity_file.exists()
        key = home.key()
        enrol(home, hub, code="c", root_sha256=hashlib.sha256(paper.repository.root).hexdigest(), name="edge-1")
    assert home.key() == key
    assert paper.enrolled[0]["key_sha256"] == paper.enrolled[-1]["key_sha256"]


def test_an_assigned_model_is_installed_reported_and_answers(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    assert paper.statuses("d-1")[0] == "downloading"
    assert paper.statuses("d-1")[-2:] == ["installing", "completed"]
    assert [report["seq"] for _, report in paper.reports] == list(range(1, len(paper.reports) + 1))
    slot, model = load_active(home, "digits")
    assert slot.version == "v1.0.0"
    assert model.answer(image(250)).value == {"label": "light"}
    beat = paper.heartbeats[-1]
    assert beat["slots"] == [
        {"ai_module": "digits", "active_version": "v1.0.0", "previous_version": "", "counter": paper.counter, "origin": "hub"}
    ]
    assert list(home.downloads.iterdir()) == []


def test_a_round_with_nothing_new_asks_once_and_fetches_nothing(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    paper.requests.clear()
    assert round_of(home, paper).refused == []
    assert paper.requests == ["GET assignment", "POST heartbeat"]


def test_a_rollback_needs_no_download(home, paper, tmp_path):
    installed(home, paper, tmp_path, "v1.0.0", "d-1")
    installed(home, paper, tmp_path, "v2.0.0", "d-2", kind=-1)
    paper.requests.clear()
    paper.assign("digits/v1.0.0.zip", deployment="d-3", custom={"action": "rollback"})
    assert round_of(home, paper).refused == []
    assert version_on(home) == "v1.0.0"
    assert not any("download" in request or "files" in request for request in paper.requests)
    assert paper.statuses("d-3") == ["installing", "completed"]
    assert paper.heartbeats[-1]["slots"][0]["previous_version"] == "v2.0.0"


def test_the_same_model_under_a_new_deployment_is_only_reported(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    paper.assign("digits/v1.0.0.zip", deployment="d-2")
    round_of(home, paper)
    assert paper.statuses("d-2") == ["completed"]
    assert Slots(home.modules, "digits").other() is None


BENDS = {
    "forged signature": {"by": "targets"},
    "another edge": {"edge_server_id": 8},
    "lower counter": {"counter": 5},
    "expired": {"days": -1},
    "never released": {"content": b"x"},
}


@pytest.mark.parametrize("bend", BENDS)
def test_a_refused_assignment_is_reported_and_the_old_model_stays(home, paper, tmp_path, bend):
    installed(home, paper, tmp_path)
    path = release(paper, tmp_path, "v2.0.0", kind=-1)
    counter = paper.counter
    paper.assign(path, deployment="d-2", **BENDS[bend])
    assert len(round_of(home, paper).refused) == 1
    assert version_on(home) == "v1.0.0"
    assert paper.statuses("d-2") == ["failed"]
    assert paper.sentence("d-2").endswith(".")
    assert [note["kind"] for note in paper.heartbeats[-1]["telemetry"]] == ["refusal"]
    paper.counter = counter
    paper.assign(path, deployment="d-3", custom={"version": "v2.0.0"})
    assert round_of(home, paper).refused == []
    assert version_on(home) == "v2.0.0"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"golden_of": -1}, "Golden input"),
        ({"min_edge_version": "9.0.0"}, "newer"),
        ({"platforms": ["vax/780"]}, "not made for"),
        ({"module": "letters"}, "of the module"),
    ],
)
def test_a_released_bundle_that_does_not_fit_is_refused_before_the_switch(home, paper, tmp_path, options, sentence):
    installed(home, paper, tmp_path)
    paper.assign(release(paper, tmp_path, "v2.0.0", **options), deployment="d-2", custom={"version": "v2.0.0"})
    assert len(round_of(home, paper).refused) == 1
    assert sentence in paper.sentence("d-2")
    assert version_on(home) == "v1.0.0"
    assert paper.statuses("d-2")[-1] == "failed"
    assert list(home.downloads.iterdir()) == []


@contextmanager
def files_no_larger_than(size: int):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_in_the_middle_of_a_download_is_told_and_made_room_on(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    paper.assign(release(paper, tmp_path, "v2.0.0", card=LARGE), deployment="d-2", custom={"version": "v2.0.0"})
    with files_no_larger_than(len(LARGE) // 2):
        assert len(round_of(home, paper).refused) == 1
    assert "This machine cannot write" in paper.sentence("d-2")
    assert (version_on(home), list(home.downloads.iterdir())) == ("v1.0.0", [])
    paper.assign("digits/v2.0.0.zip", deployment="d-2", custom={"version": "v2.0.0", "attempt": 2})
    assert round_of(home, paper).refused == []
    assert version_on(home) == "v2.0.0"


def broken_off(home, paper, tmp_path):
    """A model of which a piece has come, and the hub is away."""
    installed(home, paper, tmp_path)
    paper.assign(release(paper, tmp_path, "v2.0.0", card=LARGE), deployment="d-2", custom={"version": "v2.0.0"})
    paper.cut_after, paper.down_after_file = 100_000, True
    with pytest.raises(Unreachable):
        round_of(home, paper)
    assert len(list(home.downloads.glob("*.part"))) == 1
    paper.down, paper.down_after_file, paper.cut_after = False, False, None


def test_a_disk_too_full_to_remember_anything_gives_back_what_was_fetched_and_it_goes_on_later(home, paper, tmp_path):
    broken_off(home, paper, tmp_path)
    with agent_of(home, paper) as agent:
        for _ in range(100):
            agent.state.remember(filler=b"x" * 4_000)
        with files_no_larger_than(100_000), pytest.raises(sqlite3.OperationalError):
            agent.round()
        assert (version_on(home), list(home.downloads.iterdir())) == ("v1.0.0", [])
        assert agent.round().refused == []
    assert version_on(home) == "v2.0.0"


def test_what_was_on_its_way_and_is_assigned_no_more_is_not_kept(home, paper, tmp_path):
    broken_off(home, paper, tmp_path)
    installed(home, paper, tmp_path, "v3.0.0", "d-3")
    assert list(home.downloads.iterdir()) == []


def test_a_tampered_bundle_is_refused(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    path = release(paper, tmp_path, "v2.0.0", kind=-1)
    paper.assign(path, deployment="d-2")
    paper.bundles[path] = paper.bundles[path][:-1] + b"\x01"
    assert len(round_of(home, paper).refused) == 1
    assert "SHA-256" in paper.sentence("d-2")
    assert version_on(home) == "v1.0.0"


def test_forged_targets_are_refused_and_reported(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    path = release(paper, tmp_path, "v2.0.0", kind=-1)
    paper.repository.publish(targets_by="snapshot")
    paper.assign(path, deployment="d-2")
    assert len(round_of(home, paper).refused) == 1
    assert paper.statuses("d-2") == ["failed"]
    assert version_on(home) == "v1.0.0"


def test_another_repository_altogether_is_refused(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    paper.repository = Repository()
    for _ in range(10):
        paper.repository.publish()
    paper.assign(release(paper, tmp_path, "v2.0.0", kind=-1), deployment="d-2")
    assert len(round_of(home, paper).refused) == 1
    assert version_on(home) == "v1.0.0"


def test_a_timestamp_that_ran_out_only_makes_the_edge_wait(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    path = release(paper, tmp_path, "v2.0.0", kind=-1)
    paper.assign(path, deployment="d-2", custom={"version": "v2.0.0"})
    paper.repository.publish(timestamp_days=-1)
    assert len(round_of(home, paper).refused) == 1
    assert paper.statuses("d-2") == []
    paper.repository.publish()
    round_of(home, paper)
    assert version_on(home) == "v2.0.0"


def test_a_clock_set_back_makes_no_expired_document_valid(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    # as if this machine's clock had been set back five days since
    paper.repository.publish(timestamp_days=6, signed_in_days=5)
    round_of_new_assignment(home, paper, tmp_path, "d-2")
    path = release(paper, tmp_path, "v3.0.0", kind=-1)  # publishes a timestamp that is good for a day by the machine's clock
    paper.assign(path, deployment="d-3", custom={"version": "v3.0.0"})
    done = round_of(home, paper)
    assert "have expired" in done.refused[0]
    assert version_on(home) == "v1.0.0"
    assert paper.statuses("d-3") == []
    paper.repository.publish(timestamp_days=6)
    assert round_of(home, paper).refused == []
    assert version_on(home) == "v3.0.0"


def round_of_new_assignment(home, paper, tmp_path, deployment):
    paper.assign("digits/v1.0.0.zip", deployment=deployment)
    assert round_of(home, paper).refused == []


def test_an_assignment_expired_by_the_newest_signed_time_is_refused(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    paper.repository.publish(timestamp_days=30)
    paper.assign("digits/v1.0.0.zip", deployment="d-2", days=14, signed_in_days=5)
    assert round_of(home, paper).refused == []
    paper.assign(release_lasting(paper, tmp_path, "v2.0.0"), deployment="d-3", days=4, custom={"version": "v2.0.0"})
    assert "The assignment expired" in round_of(home, paper).refused[0]
    assert version_on(home) == "v1.0.0"


def release_lasting(paper, tmp_path, version):
    path = release(paper, tmp_path, version, kind=-1)
    paper.repository.publish(timestamp_days=30)
    return path


def test_a_signed_time_beyond_the_documents_own_end_is_not_believed(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    paper.assign("digits/v1.0.0.zip", deployment="d-2", days=14, signed_in_days=4000)
    assert round_of(home, paper).refused == []
    installed(home, paper, tmp_path, "v2.0.0", "d-3", kind=-1)


def test_a_person_at_the_site_goes_back_and_the_hub_hears_of_it(home, paper, tmp_path, capsys):
    installed(home, paper, tmp_path)
    installed(home, paper, tmp_path, "v2.0.0", "d-2", kind=-1)
    assert paper.heartbeats[-1]["slots"][0]["origin"] == "hub"
    assert cli.main(["rollback", "--dir", str(home.folder), "--module", "digits"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"module": "digits", "active_version": "v1.0.0", "previous_version": "v2.0.0", "origin": "local"}
    assert load_active(home, "digits")[1].answer(image(250)).value == {"label": "light"}
    round_of(home, paper)
    slot = paper.heartbeats[-1]["slots"][0]
    assert (slot["origin"], slot["left"]) == ("local", {"deployment": "d-2", "attempt": 1})
    assert (slot["active_version"], slot["previous_version"]) == ("v1.0.0", "v2.0.0")
    paper.assign("digits/v2.0.0.zip", deployment="d-2", custom={"version": "v2.0.0"})
    round_of(home, paper)
    assert version_on(home) == "v1.0.0"
    paper.assign("digits/v2.0.0.zip", deployment="d-2", custom={"version": "v2.0.0", "attempt": 2})
    round_of(home, paper)
    assert version_on(home) == "v2.0.0"
    assert paper.heartbeats[-1]["slots"][0]["origin"] == "hub"


def test_going_back_to_nothing_or_to_a_damaged_model_changes_nothing(home, paper, tmp_path, capsys):
    back = ["rollback", "--dir", str(home.folder), "--module", "digits"]
    assert cli.main(back) == 1
    installed(home, paper, tmp_path)
    assert cli.main(back) == 1
    assert "no earlier model" in capsys.readouterr().err
    installed(home, paper, tmp_path, "v2.0.0", "d-2", kind=-1)
    (Slots(home.modules, "digits").other_folder() / "model.onnx").write_bytes(b"no model")
    assert cli.main(back) == 1
    assert version_on(home) == "v2.0.0"


def test_a_person_goes_back_while_the_agent_runs(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    installed(home, paper, tmp_path, "v2.0.0", "d-2", kind=-1)
    with started(home) as process:
        beats = len(paper.heartbeats)
        until(lambda: len(paper.heartbeats) > beats)
        assert cli.main(["rollback", "--dir", str(home.folder), "--module", "digits"]) == 0
        until(lambda: paper.heartbeats[-1]["slots"][0]["origin"] == "local")
        process.terminate()
        assert process.wait(10) == 0
        process.stderr.read()
    assert version_on(home) == "v1.0.0"


def test_a_hub_that_goes_away_during_an_install_hears_of_it_later_and_in_order(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    paper.reports.clear()
    paper.assign(release(paper, tmp_path, "v2.0.0", kind=-1), deployment="d-2", custom={"version": "v2.0.0"})
    paper.down_after_file = True
    with pytest.raises(Unreachable):
        round_of(home, paper)
    assert version_on(home) == "v2.0.0"
    assert "completed" not in paper.statuses("d-2")
    with pytest.raises(Unreachable):
        round_of(home, paper)
    paper.down = paper.down_after_file = False
    round_of(home, paper)
    seqs = [report["seq"] for named, report in paper.reports if named == "d-2"]
    assert seqs == list(range(1, len(seqs) + 1))
    assert paper.statuses("d-2")[-1] == "completed"
    assert paper.statuses("d-2").count("completed") == 1


def test_a_failed_attempt_is_tried_again_under_the_next_number(home, paper, tmp_path):
    path = release(paper, tmp_path, "v1.0.0")
    good = paper.bundles[path]
    paper.bundles[path] = good[:-1] + b"\x01"
    paper.assign(path, deployment="d-1")
    paper.bundles[path], bad = good, paper.bundles[path]
    paper.assign(path, deployment="d-1")
    paper.bundles[path] = bad
    round_of(home, paper)
    assert paper.statuses("d-1")[-1] == "failed"
    paper.bundles[path] = good
    round_of(home, paper)
    assert version_on(home) is None
    paper.assign(path, deployment="d-1", custom={"attempt": 2})
    round_of(home, paper)
    assert version_on(home) == "v1.0.0"
    assert {report["attempt"] for _, report in paper.reports} == {1, 2}


def test_while_the_hub_is_away_reports_wait_and_then_arrive_in_order(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    paper.reports.clear()
    with State(home.database) as state:
        for number in range(3):
            state.report("d-9", 1, "downloading", percent=number)
    paper.down = True
    with pytest.raises(Unreachable):
        round_of(home, paper)
    paper.down = False
    round_of(home, paper)
    assert [report["progress_percent"] for _, report in paper.reports] == [0, 1, 2]
    with State(home.database) as state:
        assert state.count_waiting() == 0


def test_killed_after_the_switch_the_agent_only_says_so(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    for path in home.folder.glob("state.sqlite3*"):
        path.unlink()
    paper.requests.clear()
    paper.reports.clear()
    round_of(home, paper)
    assert paper.statuses("d-1") == ["completed"]
    assert not any("download" in request for request in paper.requests)


def started(home, *options) -> subprocess.Popen:
    return subprocess.Popen([*CLI, "run", "--dir", str(home.folder), "--poll", "0.05", *options], stderr=subprocess.PIPE)


def until(done, seconds=60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_the_agent_runs_as_a_process_and_ends_cleanly_when_asked(home, paper, tmp_path):
    with started(home) as process:
        until(lambda: paper.heartbeats)
        other = subprocess.run([*CLI, "run", "--dir", str(home.folder), "--once"], capture_output=True, check=False)
        assert other.returncode == 75
        paper.assign(release(paper, tmp_path, "v1.0.0"), deployment="d-1")
        until(lambda: "completed" in paper.statuses("d-1"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.stderr.read()
    assert version_on(home) == "v1.0.0"


def test_killed_again_and_again_while_it_installs_it_never_loses_its_model(home, paper, tmp_path):
    installed(home, paper, tmp_path)
    second = release(paper, tmp_path, "v2.0.0", kind=-1)
    names = {"v1.0.0": "digits/v1.0.0.zip", "v2.0.0": second}
    for turn in range(4):
        version = "v2.0.0" if version_on(home) == "v1.0.0" else "v1.0.0"
        beats = len(paper.requests)
        paper.assign(names[version], deployment=f"k-{turn}", custom={"version": version})
        with started(home) as process:
            until(lambda beats=beats: len(paper.requests) > beats)
            threading.Event().wait(0.02 * turn)
            process.kill()
            process.stderr.read()
        slot, model = load_active(home, "digits")
        model.check_golden()
        assert model.answer(image(250)).value["label"] == {"v1.0.0": "light", "v2.0.0": "dark"}[slot.version]
    round_of(home, paper)
    assert version_on(home) == version


def test_infer_and_status_speak_json_lines(home, paper, tmp_path, capsys):
    installed(home, paper, tmp_path)
    light, broken = tmp_path / "light.png", tmp_path / "broken.png"
    light.write_bytes(image(250))
    broken.write_bytes(b"no image")
    assert cli.main(["infer", "--dir", str(home.folder), "--module", "digits", str(light), str(broken)]) == 3
    answered, failed = map(json.loads, capsys.readouterr().out.splitlines())
    assert answered["file"] == str(light)
    assert (answered["module"], answered["version"], answered["value"]) == ("digits", "v1.0.0", {"label": "light"})
    assert 0.9 < answered["confidence"] <= 1
    assert failed["error"] == "The file is not a whole image."
    assert cli.main(["status", "--dir", str(home.folder)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["modules"]["digits"]["active_version"] == "v1.0.0"
    assert said["modules"]["digits"]["whole"] is True
    round_of(home, paper)
    assert paper.heartbeats[-1]["telemetry"][0]["images"] == 1
    assert cli.main(["infer", "--dir", str(home.folder), "--module", "letters", str(light)]) == 6


def test_a_folder_that_was_never_enrolled_is_a_wrong_configuration(tmp_path, capsys):
    assert cli.main(["run", "--once", "--dir", str(tmp_path / "nothing")]) == 6
    assert "not enrolled" in capsys.readouterr().err


def test_the_city_client_needs_nothing_of_the_agent(tmp_path):
    blocked = (
        "import sys; sys.modules.update(dict.fromkeys(['tuf', 'onnxruntime', 'numpy', 'securesystemslib', 'cryptography']))"
    )
    command = f"{blocked}; from cc_edge.cli import main; sys.exit(main(sys.argv[1:]))"
    run = [sys.executable, "-c", command]
    upload = subprocess.run(
        [*run, "upload", str(tmp_path), "--hub", "http://127.0.0.1:9", "--city", "c"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CC_KEY": "cc_a_b"},
    )
    assert (upload.returncode, "samples.jsonl" in upload.stderr) == (6, True)
    Path(tmp_path / "identity.json").write_text('{"hub": "http://127.0.0.1:9", "name": "e", "edge_server_id": 1}')
    agent = subprocess.run([*run, "run", "--once", "--dir", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (agent.returncode, "command-centre-edge[run]" in agent.stderr) == (6, True)
