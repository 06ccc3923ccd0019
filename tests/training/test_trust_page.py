"""docs/trust.md: every line of it, on four machines of key holders without a network and a hub."""

import shlex
import shutil
from pathlib import Path

import pytest
from django.core.management import call_command

from tests import people
from tests.factories.deployments import EdgeServerFactory
from tests.factories.training_models import ModelVersionFactory
from tests.training.holders import Holder
from training import trust
from training.actions import model_version
from training.models import ModelStatus, SigningRequest

PAGE = Path(__file__).parents[2] / "docs" / "trust.md"


@pytest.mark.django_db
def test_every_line_of_the_page_does_what_it_says(tmp_path, monkeypatch):
    machines = {name: Holder(tmp_path, name, monkeypatch) for name in ("hub", "ada", "bo", "cleo", "dan")}
    (tmp_path / "usb").mkdir()
    for machine in machines.values():
        (machine.folder / "usb").symlink_to(tmp_path / "usb")
    version = ModelVersionFactory(status=ModelStatus.APPROVED)
    lines = [line.strip() for line in PAGE.read_text().splitlines() if line.startswith("    ")]
    assert len(lines) > 40
    for line in lines:
        name, _, said = line.partition("$ ")
        program, *arguments = shlex.split(said)
        monkeypatch.chdir(machines[name].folder)
        if program == "cc-edge":
            assert machines[name].run(*arguments) == 0, line
        elif program == "cp":
            shutil.copy(*arguments)
        elif program == "manage.py":
            call_command(*arguments)
        else:
            assert said == "# release in the portal"
            EdgeServerFactory(name="harbour")
            model_version.release(version, by=people.bo())
            assert str(trust.standing()) == "0/2"
    version.refresh_from_db()
    assert version.status == ModelStatus.RELEASED
    assert set(SigningRequest.objects.values_list("state", flat=True)) == {"published"}
    assert SigningRequest.objects.count() == 5
    assert (tmp_path / "usb" / "stick" / "trust" / "timestamp.json").exists()
