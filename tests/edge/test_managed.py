"""A program of the site's own beside the agent: told of each model, on probation with it, and back at the one before where it fails."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from cc_edge import cli
from cc_edge.agent import PROBED_EVERY
from cc_edge.hooks import Hooks
from cc_edge.slots import Slots
from cc_edge.state import State, wall_clock
from tests.edge.test_agent import agent_of, home, installed, paper, release, version_on

__all__ = ["home", "paper"]
PROGRAM = Path(__file__).parents[2] / "edge" / "examples" / "managed" / "program.sh"


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """The file in which the example says what it loaded."""
    path = tmp_path / "loaded"
    monkeypatch.setenv("CC_LOADED", str(path))
    return path


def hooks(probation=60.0, activate=f"{PROGRAM} load", probe=f"{PROGRAM} probe"):
    return Hooks(activate, probe, probation)


def managed_round(home, paper, asked, *, later=0):
    with agent_of(home, paper) as agent:
        agent.state._read_clock = lambda: wall_clock() + timedelta(seconds=later)
        agent.hooks = asked
        return agent.round()


def assigned(paper, tmp_path, version, deployment, kind):
    paper.assign(release(paper, tmp_path, version, kind=kind), deployment=deployment, custom={"version": version})


def test_a_model_counts_once_the_program_did_well_with_it_for_long_enough(home, paper, tmp_path, loaded):
    assigned(paper, tmp_path, "v1.0.0", "d-1", 1)
    done = managed_round(home, paper, hooks())
    assert (version_on(home), loaded.read_text().split()[0]) == ("v1.0.0", "v1.0.0")
    assert (paper.statuses("d-1")[-1], done.soonest) == ("installing", PROBED_EVERY)
    managed_round(home, paper, hooks(), later=59)  # another process: the probation was remembered
    assert "completed" not in paper.statuses("d-1")
    managed_round(home, paper, hooks(), later=61)
    assert paper.statuses("d-1")[-1] == "completed"
    paper.requests.clear()
    managed_round(home, paper, hooks(), later=70)
    assert paper.requests == ["GET assignment", "POST heartbeat"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (hooks(probe="sh -c 'echo it crashes >&2; exit 3'"), "does not do well with the model: it ended with 3, it crashes."),
        (hooks(activate="sh -c 'test $CC_VERSION = v1.0.0'"), "did not take the model: it ended with 1."),
        (hooks(activate="/nowhere/program"), "/nowhere/program cannot be run (No such file or directory)."),
    ],
)
@pytest.mark.usefixtures("loaded")
def test_a_program_that_fails_is_back_at_the_model_before(home, paper, tmp_path, asked, sentence):
    installed(home, paper, tmp_path)
    assigned(paper, tmp_path, "v2.0.0", "d-2", -1)
    [refused] = managed_round(home, paper, asked).refused
    assert sentence in refused
    assert "v1.0.0" in refused
    assert version_on(home) == "v1.0.0"
    assert paper.statuses("d-2")[-1] == "failed"
    assert Slots(home.modules, "digits").current.resolve().joinpath("model.onnx").is_file()
    managed_round(home, paper, asked)
    assert (version_on(home), paper.statuses("d-2").count("failed")) == ("v1.0.0", 1)


def test_a_program_that_fails_late_in_its_probation_goes_back_and_is_told(home, paper, tmp_path, loaded):
    installed(home, paper, tmp_path)
    assigned(paper, tmp_path, "v2.0.0", "d-2", -1)
    managed_round(home, paper, hooks())
    assert version_on(home) == "v2.0.0"
    loaded.write_text("v1.9.9 0\n")
    [refused] = managed_round(home, paper, hooks(), later=30).refused
    assert "answers with v1.9.9 still. It is back at v1.0.0." in refused
    assert (version_on(home), loaded.read_text().split()[0]) == ("v1.0.0", "v1.0.0")


def test_where_nothing_was_before_a_failure_is_told_and_the_model_stays(home, paper, tmp_path):
    assigned(paper, tmp_path, "v1.0.0", "d-1", 1)
    [refused] = managed_round(home, paper, hooks(activate="false")).refused
    assert refused.endswith("There is none to return to.")
    assert version_on(home) == "v1.0.0"


def test_a_round_of_the_command_with_hooks(home, paper, tmp_path, loaded, capsys):
    assigned(paper, tmp_path, "v1.0.0", "d-1", 1)
    options = ["--managed", "--activate", f"{PROGRAM} load", "--probe", f"{PROGRAM} probe", "--probation", "0"]
    assert cli.main(["run", "--once", "--dir", str(home.folder), *options]) == 0
    assert paper.statuses("d-1")[-1] == "completed"
    with State(home.database) as state:
        assert state.fact("probation:digits") is None
    assert cli.main(["run", "--once", "--dir", str(home.folder), "--probe", "true"]) == 6
    assert "for --managed" in capsys.readouterr().err
    assert os.access(PROGRAM, os.X_OK)
