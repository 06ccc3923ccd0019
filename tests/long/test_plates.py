"""Three cities bring photos of plates by `cc-edge upload` while client, web and worker are killed: all arrives, once.

The photos are those of ../shared/data/plates-openalpr, or of the folder CC_DATA; without them there is nothing to bring.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from cc_edge.errors import SomeRejected
from tests.edge.live import PROGRAM

pytestmark = pytest.mark.long
DATA = Path(os.environ.get("CC_DATA", settings.BASE_DIR.parent / "shared" / "data")) / "plates-openalpr" / "endtoend"
REGIONS = ("eu", "us", "br")
KILLS = 10
PATIENCE = 900.0


@dataclass
class Client:
    """`cc-edge upload` of one city, started again until it has ended well."""

    arguments: list[str]
    key: str
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            environment = {**os.environ, "CC_KEY": self.key}
            self.process = subprocess.Popen([*PROGRAM, *self.arguments], stdout=log, stderr=log, env=environment)

    def has_ended(self) -> bool:
        """Tell whether it ended well; where it gave up, it is started again."""
        assert self.process is not None
        assert self.process.poll() != SomeRejected.exit_code, self.log.read_text()[-2_000:]
        if self.process.poll() not in (None, 0):
            self.start()
        return self.process.poll() == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()

    def summary(self) -> dict:
        """Answer the one JSON line of the last run."""
        return json.loads([line for line in self.log.read_text().splitlines() if line.startswith("{")][-1])


def lines_of(region: str) -> list[dict]:
    """Answer the photos of a region as lines of samples.jsonl: box and plate as predicted, every fifth one misread."""
    lines = []
    for note in sorted((DATA / region).glob("*.txt")):
        name, *box, plate = note.read_text().splitlines()[0].split("\t")
        bbox = [int(number) for number in box]
        photo = note.with_name(name)
        if not photo.is_file() or not plate or not _lies_within(bbox, photo):
            continue
        right = {"boxes": [{"label": "plate", "bbox": bbox, "text": plate}]}
        line = {
            "event_id": photo.stem,
            "camera_id": f"{region}-{len(lines) % 3}",
            "ai_module": "plates",
            "label_status": "correct",
            "captured_at": "2026-11-20T08:00:00+00:00",
            "prediction": right,
            "file": name,
        }
        if len(lines) % 5 == 0:
            misread = {"boxes": [{"label": "plate", "bbox": bbox, "text": f"{plate}X"}]}
            line |= {"label_status": "changed", "prediction": misread, "correction": right}
        lines.append(line)
    return lines


def _lies_within(bbox: list[int], photo: Path) -> bool:
    with Image.open(photo) as image:
        return bbox[0] + bbox[2] <= image.width and bbox[1] + bbox[3] <= image.height and min(bbox) >= 0


@pytest.fixture
def brought(own_hub, tmp_path):
    """The hub with its module and cities, a client of each city, and what they are to bring."""
    if not DATA.is_dir():
        pytest.skip(f"There are no photos in {DATA}.")
    schema = {"labels": ["plate"], "text": {"normalise": "plate"}, "review_policy": {"city_labels": "trust"}}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    own_hub.manage("addmodule", "plates", "--task", "detection", "--schema", tmp_path / "schema.json", "--json")
    clients, told = [], {}
    for region in REGIONS:
        source = tmp_path / region
        source.mkdir()
        told[f"city_{region}"] = lines_of(region)
        for line in told[f"city_{region}"]:
            shutil.copy(DATA / region / line["file"], source)
        (source / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told[f"city_{region}"]))
        own_hub.manage("addcity", f"city_{region}", "--json")
        key = own_hub.manage("issuekey", f"city_{region}", "--json")["key"]
        arguments = ["upload", str(source), "--hub", own_hub.processes.url, "--city", f"city_{region}"]
        clients.append(Client([*arguments, "--state", str(tmp_path / "state")], key, tmp_path / f"{region}.log"))
    return clients, told


def until_all_ended(clients: list[Client], hub) -> None:
    deadline = time.monotonic() + PATIENCE
    while sum(client.has_ended() for client in clients) < len(clients):
        assert time.monotonic() < deadline
        hub.processes.restart_dead()
        threading.Event().wait(0.2)


def test_nothing_comes_twice_and_nothing_is_missing(own_hub, brought):
    clients, told = brought
    hub = own_hub.processes
    hub.start("web", "default")
    hub.wait_ready()
    for client in clients:
        client.start()
    dice = random.Random(os.environ.get("SEED", "plates"))
    for turn in range(KILLS):
        threading.Event().wait(dice.uniform(0.1, 1.5))
        working = [client for client in clients if not client.has_ended()]
        for client in clients if not working else ():  # all was brought already: it is brought once more under the kills
            client.start()
        victim = ("client", "web", "default")[turn % 3]
        if victim != "client":
            hub.kill(victim)
            hub.start(victim)
        else:
            dice.choice(working or clients).kill()
    until_all_ended(clients, own_hub)
    own_hub.inside("verified")
    arrived = own_hub.inside("census")
    photos = sum(map(len, told.values()))
    assert arrived["samples"] == {city: len(lines) for city, lines in told.items()}
    assert arrived["events"] == arrived["labels"] == len(arrived["truths"]) == photos > 150
    assert arrived["states"] == {"settled": photos}
    assert set(arrived["batches"]) == {"registered"}
    assert (arrived["images"], arrived["unverified"], arrived["astray"]) == (arrived["files"], 0, [])
    right = {line["event_id"]: line.get("correction") or line["prediction"] for lines in told.values() for line in lines}
    assert arrived["truths"] == right
    for client in clients:  # all of it once more: nothing is new
        client.start()
    until_all_ended(clients, own_hub)
    assert {(client.summary()["accepted"], client.summary()["uploaded"]) for client in clients} == {(0, 0)}
    again = own_hub.inside("census")
    assert {name: again[name] for name in ("samples", "images", "labels")} == {
        name: arrived[name] for name in ("samples", "images", "labels")
    }
