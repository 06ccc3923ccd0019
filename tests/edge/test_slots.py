"""Two slots and a link: whatever moment the process is killed at, a whole, checked model is in use."""

import contextlib
import itertools
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cc_edge import bundle
from cc_edge.errors import Unfit
from cc_edge.model import Model
from cc_edge.slots import Slot, Slots
from tests.edge.bundles import bundle_bytes, image

SWITCHER = """
import sys, itertools
from pathlib import Path
from cc_edge import bundle
from cc_edge.slots import Slot, Slots

modules, archives = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
slots = Slots(modules, "digits")
slots.tidy()
print("ready", flush=True)
for number in itertools.count():
    archive = archives[number % 2]
    slot = Slot("digits", archive.stem, archive.stem, f"d-{number}", 1, "now")
    if number % 5 == 4:
        slots.switch(Slot("digits", slots.other().version, slots.other().sha256, f"d-{number}", 1, "now"))
    else:
        slots.install(lambda folder: bundle.unpack(archive, folder), slot)
"""


def slot(version: str) -> Slot:
    return Slot("digits", version, "0" * 64, f"deployment-{version}", 1, "2026-11-20T00:00:00+00:00")


def write(text: str):
    return lambda folder: (folder / "model").write_text(text)


def test_an_install_goes_into_the_free_slot_and_the_old_one_is_kept(tmp_path):
    slots = Slots(tmp_path, "digits")
    assert slots.active() is None
    for version in ("v1", "v2", "v3"):
        slots.install(write(version), slot(version))
    assert slots.active() == slot("v3")
    assert slots.other() == slot("v2")
    assert (slots.current / "model").read_text() == "v3"
    assert sorted(path.name for path in slots.folder.iterdir()) == ["a", "b", "current"]


def test_a_switch_goes_back_without_writing_a_model(tmp_path):
    slots = Slots(tmp_path, "digits")
    slots.install(write("v1"), slot("v1"))
    slots.install(write("v2"), slot("v2"))
    slots.switch(slot("v1"))
    assert (slots.active(), slots.other()) == (slot("v1"), slot("v2"))
    assert (slots.current / "model").read_text() == "v1"


def test_a_refused_install_leaves_both_slots_as_they_were(tmp_path):
    slots = Slots(tmp_path, "digits")
    slots.install(write("v1"), slot("v1"))
    slots.install(write("v2"), slot("v2"))

    def refuse(folder: Path) -> None:
        (folder / "model").write_text("half")
        raise Unfit("no")

    with pytest.raises(Unfit):
        slots.install(refuse, slot("v3"))
    assert (slots.active(), slots.other()) == (slot("v2"), slot("v1"))
    assert sorted(path.name for path in slots.folder.iterdir()) == ["a", "b", "current"]


@pytest.mark.parametrize("name", ["../x", "", "A", "x/y", ".hidden", "x" * 65])
def test_a_module_name_is_never_a_path(tmp_path, name):
    with pytest.raises(Unfit):
        Slots(tmp_path, name)


def test_killed_at_any_moment_a_whole_model_is_in_use(tmp_path):
    archives = []
    for kind in (1, -1):
        content = bundle_bytes(tmp_path, kind=kind)
        archives.append(tmp_path / f"v{kind}.zip")
        archives[-1].write_bytes(content)
    modules = tmp_path / "modules"
    slots = Slots(modules, "digits")
    slots.install(lambda folder: bundle.unpack(archives[0], folder), slot("v1"))
    dice = random.Random(20261120)
    seen = set()
    for _ in range(15):
        command = [sys.executable, "-c", SWITCHER, str(modules), *map(str, archives)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"ready\n"
            deadline = time.monotonic() + dice.uniform(0.0, 0.15)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            process.send_signal(signal.SIGKILL)
        active = slots.active()
        model = Model(bundle.load(slots.current))
        model.check_golden()
        light = model.answer(image(250)).value["label"]
        assert light == {"v1": "light", "v-1": "dark"}[active.version]
        seen.add(slots.current.readlink().name)
        slots.tidy()
        assert {path.name for path in slots.folder.iterdir()} <= {"a", "b", "current"}
    assert seen == {"a", "b"}


def test_every_step_of_an_install_may_be_the_last(tmp_path, monkeypatch):
    """Die before each single change of the folder in turn: the link always leads to a whole slot."""

    class Killed(BaseException):
        pass

    def dying_at(step: int):
        counter = itertools.count()

        def count(original):
            def call(*args, **options):
                if next(counter) == step:
                    raise Killed
                return original(*args, **options)

            return call

        return count

    for step in range(12):
        slots = Slots(tmp_path / str(step), "digits")
        slots.install(write("v1"), slot("v1"))
        slots.install(write("v2"), slot("v2"))
        with monkeypatch.context() as patch:
            count = dying_at(step)
            for name in ("rename", "replace", "symlink_to", "mkdir", "unlink"):
                patch.setattr(Path, name, count(getattr(Path, name)))
            with contextlib.suppress(Killed):
                slots.install(write("v3"), slot("v3"))
        active = slots.active()
        assert active in {slot("v2"), slot("v3")}
        assert (slots.current / "model").read_text() == active.version
        slots.tidy()
        slots.install(write("v4"), slot("v4"))
        assert slots.active() == slot("v4")
