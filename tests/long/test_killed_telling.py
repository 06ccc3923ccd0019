"""A worker that tells of news is killed (-9) again and again: everybody is told once, and a receiver of all, by ids it knows again."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytestmark = pytest.mark.long
EVENTS = 450
ANNOUNCING = [("notify", 1), ("send", 1), ("forget", 1), ("forget", 2), ("notify", 1)]
"""In front of which call a worker is killed that announces; a round tells of two hundred events."""
DELIVERING = (1, 7, 60)
"""The call during which a worker is killed that delivers."""


class Receiver(ThreadingHTTPServer):
    """Takes what it is told; `at` is called with the number of each call, before that is answered."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: Counter[str] = Counter()
        self.at = lambda number: None


class Taking(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken[told["id"]] += 1
        self.server.at(self.server.taken.total())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def killed_before(own_hub, place: str, call: int) -> None:
    with own_hub.start_inside("tell", place, call) as worker:
        assert worker.wait(120) == -9, (place, call)


def killed_at(own_hub, server: Receiver, call: int) -> None:
    """Begin a worker, and kill it while the receiver has its so many-th call in hand."""
    with own_hub.start_inside("tell") as worker:
        before = server.taken.total()
        server.at = lambda number: worker.kill() if number == before + call else None
        assert worker.wait(120) == -9, call
        server.at = lambda number: None


def test_everybody_is_told_once_whatever_is_killed(own_hub):
    own_hub.environment["WEBHOOK_NETS"] = "127.0.0.0/8"
    with receiving() as server:
        assert own_hub.inside("make_news", f"http://127.0.0.1:{server.server_port}/", EVENTS) == EVENTS
        for place, call in ANNOUNCING:
            killed_before(own_hub, place, call)
            there = own_hub.inside("telling_census")
            # an event is told to both people and on its way to the receiver, or waits whole
            assert set(there["told"].values()) in (set(), {EVENTS - there["waiting"]})
            assert len(there["ids"]) == EVENTS - there["waiting"]
        for call in DELIVERING:
            killed_at(own_hub, server, call)
        while own_hub.inside("tell") != [0, 0]:
            pass
        there = own_hub.inside("telling_census")
        assert (there["waiting"], there["told"]) == (0, {"Ada": EVENTS, "Bo": EVENTS})
        assert there["deliveries"] == {"completed": EVENTS}
        assert sorted(server.taken) == there["ids"]
        # what was in the receiver's hand when its sender died comes once more, under the same id
        assert EVENTS < server.taken.total() <= EVENTS + len(DELIVERING)
