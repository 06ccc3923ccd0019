"""The filesystem queue: many write and many read at once, and every message comes whole, to one of them."""

import threading
from collections import Counter
from contextlib import closing
from queue import Empty

from kombu import Connection

from config.services import broker
from core import file_queue
from tests.racing import race

MESSAGES = 150


def channel(folder):
    settings = broker("", folder)
    return Connection(settings["broker_url"], transport_options=settings["broker_transport_options"]).channel()


def test_every_message_comes_once_and_whole(tmp_path):
    done = threading.Event()
    written = threading.Barrier(2, action=done.set)

    def act(number):
        with closing(channel(tmp_path)) as own:
            return write(own, number) if number < 2 else read(own)

    def write(own, number):
        for count in range(MESSAGES):
            own._put("default", {"number": f"{number}-{count}", "body": "x" * 10_000})
        written.wait()
        return []

    def read(own):
        found, is_last_look = [], False
        while True:
            try:
                found.append(own._get("default")["number"])
            except Empty:
                if is_last_look:
                    return found
                is_last_look = done.is_set()

    answers, _ = race(act, threads=4)
    came = Counter(number for found in answers for number in found)
    assert came == {f"{writer}-{count}": 1 for writer in range(2) for count in range(MESSAGES)}


def test_many_bind_at_once_and_all_are_bound(tmp_path):
    def act(number):
        with closing(channel(tmp_path)) as own:
            own._queue_bind("celery", f"key-{number}", "", f"queue-{number}")
            return own.get_table("celery")

    race(act)
    own = channel(tmp_path)
    assert isinstance(own, file_queue.Channel)
    assert {bound.queue for bound in own.get_table("celery")} == {f"queue-{number}" for number in range(8)}
