"""What is gathered and written together: by its own thread, whole, and still there when the database fails."""

import threading
from collections import Counter

import pytest
from django.db import OperationalError

from core.gathering import Gathering


class Words(Gathering[Counter[str]]):
    name, every = "words", 0.01

    def __init__(self, *, by_itself=True, fails=0):
        super().__init__(by_itself=by_itself)
        self.kept, self.fails, self.written = Counter(), fails, threading.Event()

    def empty(self):
        return Counter()

    def say(self, word):
        with self.adding() as words:
            words[word] += 1

    def keep(self, pile):
        if self.fails:
            self.fails -= 1
            raise OperationalError("the server is away")
        self.kept.update(pile)
        self.written.set()
        return pile.total()


def test_what_could_not_be_written_is_still_there():
    words = Words(by_itself=False, fails=1)
    words.say("a")
    with pytest.raises(OperationalError):
        words.write()
    words.say("a")
    words.say("b")
    assert (words.write(), words.write()) == (3, 0)
    assert words.kept == {"a": 2, "b": 1}


def test_its_thread_tries_again_and_ends_when_nothing_comes(monkeypatch):
    monkeypatch.setattr("core.gathering.IDLE_SECONDS", 0.05)
    words = Words(fails=2)
    for said in (1, 2):
        words.say("a")
        (writing,) = [each for each in threading.enumerate() if each.name == "words"]
        assert words.written.wait(10)
        writing.join(10)
        assert (writing.is_alive(), words.kept["a"]) == (False, said)
        words.written.clear()


def test_a_thread_that_died_is_followed_by_another(monkeypatch):
    monkeypatch.setattr("core.gathering.IDLE_SECONDS", 0.05)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    words = Words()
    monkeypatch.setattr(words, "empty", lambda: 1 // 0)
    words.say("a")
    for each in threading.enumerate():
        if each.name == "words":
            each.join(10)
    monkeypatch.undo()
    words.say("a")
    assert words.written.wait(10)
    assert words.kept == {"a": 2}
