"""A batch of five thousand while web and workers are killed at twenty moments: all items are there, once, and no object more."""

import io
import os
import random
import sys
import threading
import time

import httpx
import pytest
from PIL import Image

from tests.long.bringing import Bringer, bringer_of

pytestmark = pytest.mark.long
ITEMS = int(os.environ.get("ITEMS", "5000"))
PART = 250
KILLS = 20
PATIENCE = 900.0


def picture(number: int) -> bytes:
    """Thirty-two by thirty-two of coarse noise, of each number another: nothing looks like anything."""
    rough = Image.frombytes("L", (8, 8), random.Random(number).randbytes(64))
    out = io.BytesIO()
    rough.resize((32, 32), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


class Killer(threading.Thread):
    """Kills one of the hub's processes after the other at random moments, and starts what was killed."""

    def __init__(self, processes) -> None:
        super().__init__(daemon=True)
        self.processes, self.dice, self.killed, self.done = (
            processes,
            random.Random(os.environ.get("SEED", "batch")),
            [],
            threading.Event(),
        )

    def run(self) -> None:
        victims = ["web", "default"] * (KILLS // 2)
        self.dice.shuffle(victims)
        for victim in victims:
            if self.done.wait(self.dice.uniform(0.5, 4.0)):
                return
            self.processes.kill(victim)
            self.processes.start(victim)
            self.killed.append(victim)


def until_it_answers(act, deadline):
    """Do what a client does whose hub is away: wait a little, and ask the same again."""
    while True:
        try:
            return act()
        except (httpx.HTTPError, AssertionError):
            assert time.monotonic() < deadline
            threading.Event().wait(0.3)


def test_all_items_are_there_once_and_objects_reconcile(own_hub, tmp_path):
    hub = own_hub.processes
    hub.start("web", "default")
    hub.wait_ready()
    files = {f"e-{number:05}": (picture(number), "image/png") for number in range(ITEMS)}
    events = list(files)
    deadline = time.monotonic() + PATIENCE
    with bringer_of(own_hub, tmp_path) as client:
        killer = Killer(hub)
        killer.start()
        opened = until_it_answers(lambda: client.post(client.api, {"city": client.city, "client_batch_id": "night"}), deadline)
        for start in range(0, ITEMS, PART):
            part = {event: files[event] for event in events[start : start + PART]}
            results = until_it_answers(lambda part=part: client.add(opened["id"], part), deadline)
            assert {row["outcome"] for row in results.values()} <= {"accepted", "duplicate"}
        until_it_answers(lambda: _sealed(client, opened["id"]), deadline)
        while until_it_answers(lambda: client.state(opened["id"]), deadline) == "sealed" or killer.is_alive():
            assert time.monotonic() < deadline
            killer.done.wait(0.5)
    killer.join()
    hub.restart_dead()
    own_hub.inside("verified")
    there = own_hub.inside("census")
    sys.stdout.write(f"killed {len(killer.killed)} times: {killer.killed}\n")
    assert len(killer.killed) == KILLS
    assert there["samples"] == {"city_pune": ITEMS}
    assert (there["events"], there["labels"], there["images"], there["files"]) == (ITEMS, ITEMS, ITEMS, ITEMS)
    assert (there["states"], there["batches"]) == ({"settled": ITEMS}, {"registered": 1})
    assert (there["unverified"], there["astray"]) == (0, [])
    assert set(own_hub.inside("outcomes").values()) == {"accepted"}


def _sealed(client: Bringer, batch: str) -> None:
    if client.state(batch) == "open":
        client.seal(batch)
