"""A trainer of somebody's own: described by a mapping, begun by `newtrainer`, supervised like any other."""

import subprocess
import sys

import pytest
from django.conf import settings as of_django
from django.core.management import CommandError, call_command

from cc_edge import bundle as of_the_edge
from cc_edge.model import Model
from core.storage import reading
from tests import people
from tests.factories import training as make
from training import supervisor
from training.models import JobStatus, MetricPoint
from training.trainers import hyperparameters
from training.trainers.registry import trainers


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A package of `newtrainer`, installed for one test."""
    call_command("newtrainer", "mine", "--in", str(tmp_path))
    info = tmp_path / "mine" / "mine-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[command_centre.trainers]\nmine = mine:TRAINER\n")
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    trainers.cache_clear()
    yield tmp_path / "mine"
    monkeypatch.undo()
    trainers.cache_clear()


@pytest.mark.django_db
def test_it_trains_a_model_that_an_edge_runs(begun, tmp_path):
    ada = people.ada()
    make.digits(ada, 200)
    frozen = make.frozen(ada, seed=2)
    assert [one["name"] for one in hyperparameters.describe(trainers()["mine"].hyperparameters)] == ["side", "sharpness"]
    made = make.training_job(ada, frozen, trainer="mine", hyperparameters={"sharpness": 2.5})
    assert made.hyperparameters == {"side": 8, "sharpness": 2.5}
    supervisor.run_next("training.cpu")
    made.refresh_from_db()
    assert (made.status, made.error_message) == (JobStatus.COMPLETED, "")
    assert made.metrics["accuracy"] > 0.6
    assert MetricPoint.objects.filter(name="test_accuracy").exists()
    (tmp_path / "edge").mkdir()
    with reading(made.output_model_version.bundle.name, made.output_model_version.bundle.alias) as stream:
        (tmp_path / "bundle.zip").write_bytes(stream.read())
    of_the_edge.unpack(tmp_path / "bundle.zip", tmp_path / "edge")
    Model(of_the_edge.load(tmp_path / "edge")).check_golden()


def test_the_package_comes_with_a_test_that_passes(begun):
    done = subprocess.run([sys.executable, begun / "test_mine.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    source = (begun / "mine.py").read_text()
    assert not any(f"{verb} {ours}" in source for verb in ("import", "from") for ours in ("training", "core", "cc_edge"))
    assert (of_django.BASE_DIR / "docs" / "own-trainer" / "nearest_mean.py").exists()


@pytest.mark.parametrize("name", ["Mine", "m", "../mine", "mine.py", "mlp_classifier"])
def test_a_name_that_cannot_be_is_refused(name, tmp_path):
    with pytest.raises(CommandError):
        call_command("newtrainer", name, "--in", str(tmp_path))
    assert not list(tmp_path.iterdir())
