"""A person in front of the queue, as a process over HTTP: `python -m tests.long.eight_annotator URL SESSION FACTS`.

FACTS (JSON) are its module, its name, the share of its errors, and the kinds of queues it works until its standard input ends; then
it prints what it did. It knows what is right of each sample, and now and then skips, is unsure, rejects, undoes, sends twice, or
leaves and answers late; with a file of `known` answers by event it only errs and is unsure. Imports nothing of the hub.
"""

import http.client
import json
import random
import select
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

API = "/api/v1/learning/review"
TOKEN = "c" * 32
LABELS = ("car", "bus", "truck")
SKIPS, UNSURE, REJECTS, UNDOES, SENDS_TWICE, LEAVES = 0.02, 0.008, 0.004, 0.015, 0.02, 0.01
RETURNS = 0.15
KEPT = 1.0
"""So many seconds a connection is trusted to be open still."""
BEHIND = 6
"""After so many decisions comes what was not sent when its page was left."""
Answer = dict[str, Any]


def right_of(sample_id: str) -> Answer:
    """Answer what is to be seen on a sample: by its name, so that everybody sees the same."""
    return {"label": LABELS[int(sample_id.rpartition("-")[2]) * 7 % 31 % len(LABELS)]}


def read_right(lease: Answer) -> Answer:
    return right_of(lease["sample"]["sample_id"])


def misread(right: Answer, dice: random.Random) -> Answer:
    """Answer another label than the right one, or one of two other readings of a text."""
    if text := right.get("text"):
        return {"text": dice.choice([text[:-1], ("8" if text[0] != "8" else "B") + text[1:]])}
    return {"label": dice.choice([label for label in LABELS if label != right["label"]])}


class Browser:
    """A page with its session; counts the statuses it met. Nothing may answer 5xx."""

    def __init__(self, url: str, session: str) -> None:
        self.http = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        cookies = f"sessionid={session}; csrftoken={TOKEN}"
        self.headers = {"Content-Type": "application/json", "Cookie": cookies, "X-CSRFToken": TOKEN}
        self.met = Counter[str]()
        self.sent_at = 0.0

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        if time.monotonic() - self.sent_at > KEPT:
            self.http.close()
        try:
            answer, content = self._send(method, path, body)
        except (ConnectionError, http.client.HTTPException):  # closed at this very moment; whatever is sent may be sent twice
            self.http.close()
            answer, content = self._send(method, path, body)
        self.sent_at = time.monotonic()
        self.met[f"{answer.status}"] += 1
        assert answer.status < 500, (path, content[:300])
        return answer.status, json.loads(content) if content else None

    def _send(self, method: str, path: str, body: Any) -> tuple[http.client.HTTPResponse, bytes]:
        self.http.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        answer = self.http.getresponse()
        return answer, answer.read()


class Annotator:
    """Decides sample by sample; `sees` says what is right of a lease."""

    def __init__(self, browser: Browser, module: str, name: str, errors: float, kinds: list[str]) -> None:
        self.browser, self.module, self.errors, self.kinds = browser, module, errors, kinds
        self.dice = random.Random(name)
        self.did = Counter[str]()
        self.left: list[tuple[int, int, Answer]] = []
        self.sees: Callable[[Answer], Answer] = read_right
        self.does_extras = True

    def work(self) -> None:
        """Go from queue to queue until standard input ends."""
        while True:
            worked = [self._queue(kind) for kind in self.kinds]
            if not any(worked):
                if not self.left and select.select([sys.stdin], [], [], 0.1)[0]:
                    return
                self._send_late()

    def _queue(self, kind: str) -> int:
        """Decide what waits in one queue, at most a few at a time where there are others; answers how many."""
        status, lease = self._post("/next", ai_module=self.module, kind=kind, ahead=2)
        if status == 403:
            assert lease["type"].endswith(":paused"), lease
            self.did["paused"] += 1
            return 0
        assert status in {200, 204}, (status, lease)
        done = 0
        while lease and done < 20:
            done += 1
            lease = self._one(lease)
        if lease:
            self._post(f"/slots/{lease['slot']}/release", lease_token=lease["lease_token"])
        return done

    def _one(self, lease: Answer) -> Answer | None:
        said = self._say(lease)
        if self._happens(LEAVES) and said["decision"] != "return":
            self.did["left"] += 1
            self._post(f"/slots/{lease['slot']}/release", lease_token=lease["lease_token"])
            self.left.append((self.did["decided"] + BEHIND, lease["slot"], said))
            return None
        status, answer = self._decide(lease["slot"], {**said, "next": True, "ahead": 2})
        assert status in {200, 409}, (status, answer)
        self.did["decided" if status == 200 else "lost"] += 1
        self.did[said["decision"]] += 1
        if status == 200 and said["decision"] not in {"skip", "return"}:
            if self._happens(SENDS_TWICE):
                self._twice(lease["slot"], said, answer)
            if self._happens(UNDOES):
                return self._undo(lease["slot"])
        if self.left and self.left[0][0] < self.did["decided"]:
            self._send_late()
        following: Answer | None = answer["next"] if status == 200 else None
        return following

    def _say(self, lease: Answer) -> Answer:
        facts = {"lease_token": lease["lease_token"], "client_uuid": str(uuid.UUID(int=self.dice.getrandbits(128), version=4))}
        facts["seconds"] = round(self.dice.uniform(0.5, 9), 1)
        right = self.sees(lease)
        if lease["kind"] == "check":
            return {**facts, **self._checked(lease, right)}
        seen = misread(right, self.dice) if self._errs() else right
        if lease["kind"] == "judge" and self._happens(SKIPS):
            return {**facts, "decision": "skip"}
        if self.dice.random() < UNSURE:
            return {**facts, "decision": "unsure"}
        if self._happens(REJECTS):
            return {**facts, "decision": "reject", "reason": "blurred"}
        if seen == lease["sample"]["prediction"]:
            return {**facts, "decision": "correct"}
        return {**facts, "decision": "change", "correction": seen}

    def _checked(self, lease: Answer, right: Answer) -> Answer:
        said = lease["checked"]["value"]
        if self._happens(RETURNS):
            return {"decision": "return", "reason": "Look again"}
        return {"decision": "correct"} if said == right or self._errs() else {"decision": "change", "correction": right}

    def _twice(self, slot: int, said: Answer, first: Answer) -> None:
        """The same again is answered the same; another content under its name is refused."""
        status, again = self._decide(slot, said)
        assert status == 200, again
        assert again["label"]["label_id"] == first["label"]["label_id"]
        status, refused = self._decide(slot, {**said, "decision": "unsure", "correction": None, "reason": "not mine"})
        assert status == 409, refused
        self.did["twice"] += 1

    def _undo(self, slot: int) -> Answer | None:
        status, lease = self._post(f"/slots/{slot}/undo")
        assert status in {200, 409}, lease
        self.did["undone" if status == 200 else "undo refused"] += 1
        return lease if status == 200 else None

    def _send_late(self) -> None:
        """Send what was entered on a page that was left; 409 is a sample that was judged by the same person since."""
        for _, slot, said in self.left:
            status, answer = self._decide(slot, said)
            assert status in {200, 409}, answer
            self.did["late" if status == 200 else "late, lost"] += 1
        self.left.clear()

    def _decide(self, slot: int, said: Answer) -> tuple[int, Any]:
        return self._post(f"/slots/{slot}/decide", **{name: value for name, value in said.items() if value is not None})

    def _post(self, path: str, **body: Any) -> tuple[int, Any]:
        return self.browser.send("POST", API + path, body)

    def _errs(self) -> bool:
        return self.dice.random() < self.errors

    def _happens(self, share: float) -> bool:
        return self.does_extras and self.dice.random() < share


def main(url: str, session: str, facts: str) -> None:
    told = json.loads(facts)
    annotator = Annotator(Browser(url, session), told["module"], told["name"], told["errors"], told["kinds"])
    if "known" in told:
        known = json.loads(Path(told["known"]).read_text())
        annotator.sees, annotator.does_extras = lambda lease: known[lease["sample"]["event_id"]], False
    annotator.work()
    print(json.dumps({"did": annotator.did, "met": annotator.browser.met}))  # noqa: T201  (read by the test)


if __name__ == "__main__":
    main(*sys.argv[1:])
