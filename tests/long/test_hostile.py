"""Every file of the hostile sets through the real protocol: taken or refused with a reason, in bounded time and memory.

The sets are the folders hostile-* of ../shared/data, or of the folder CC_DATA; without them there is nothing to bring.
"""

import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from tests.long.bringing import announced, bringer_of, files_below

pytestmark = pytest.mark.long
DATA = Path(os.environ.get("CC_DATA", settings.BASE_DIR.parent / "shared" / "data"))
SECONDS_A_FILE = 0.5
WORKER_MB = 1_200
"""The worker with all its decoders; a decoder alone may address more, and never did."""


class Watch(threading.Thread):
    """Looks at the memory of a process and all below it until it is told to stop; `most` is in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.most, self.done = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.05):
            self.most = max(self.most, sum(_resident_kb(pid) for pid in _tree(self.pid)) // 1024)


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        threads = Path(f"/proc/{pid}/task").iterdir()
        children += [
            child for thread in threads if thread.name != str(pid) for child in (thread / "children").read_text().split()
        ]
    except OSError:
        return []
    return [pid, *(below for child in children for below in _tree(int(child)))]


def _resident_kb(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])
    except (OSError, IndexError):
        return 0


def table_of(sets: dict[str, list[str]], became: dict[str, str]) -> str:
    rows = []
    for name, events in sets.items():
        reasons = Counter(became.get(event, "LOST") for event in events)
        accepted = reasons.pop("accepted", 0)
        said = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        rows.append(f"{name:20} {len(events):5} files  {accepted:4} accepted  {sum(reasons.values()):4} rejected: {said}")
    return "\n".join(rows)


def test_each_hostile_file_is_taken_or_refused_and_nothing_of_a_refused_one_stays(own_hub, tmp_path, capsys):
    folders = sorted(DATA.glob("hostile-*"))
    if not folders:
        pytest.skip(f"There are no hostile files in {DATA}.")
    hub = own_hub.processes
    hub.start("web", "default")
    hub.wait_ready()
    sets, files = {}, {}
    for folder in folders:
        sets[folder.name] = []
        for number, path in enumerate(files_below(folder)):
            content = path.read_bytes()
            files[f"{folder.name}-{number:04}"] = (content, announced(path, content))
            sets[folder.name].append(f"{folder.name}-{number:04}")
    watch = Watch(hub.running["default"].pid)
    watch.start()
    began = time.monotonic()
    with bringer_of(own_hub, tmp_path) as client:
        batch = client.bring(files)
        while client.state(batch) == "sealed":
            assert time.monotonic() - began < len(files) * SECONDS_A_FILE
            assert not hub.restart_dead(), "a hostile file ended a process"
            threading.Event().wait(0.2)
    seconds = time.monotonic() - began
    watch.done.set()
    watch.join()
    became = own_hub.inside("outcomes")
    with capsys.disabled():
        sys.stdout.write(
            f"\n{table_of(sets, became)}\n{len(files)} files in {seconds:.1f} s, the worker took {watch.most} MB at most\n"
        )
    assert set(became) == set(files), "each has its outcome"
    assert {"accepted", "not_an_image", "exif_gps", "several_frames", "too_many_pixels"} <= set(became.values())
    assert watch.most < WORKER_MB
    (tmp_path / "names.json").write_text(json.dumps(sorted(client.names)))
    left = own_hub.inside("left_behind", tmp_path / "names.json")
    accepted = sum(outcome == "accepted" for outcome in became.values())
    assert (left["objects"], left["astray"], left["unverified"]) == ([], [], 0)
    assert (left["samples"], left["labels"]) == (accepted, accepted)
    assert left["images"] == left["thumbnails"] > 100
    assert "Traceback" not in (tmp_path / "logs" / "web.log").read_text()
    assert "Traceback" not in (tmp_path / "logs" / "default.log").read_text()
