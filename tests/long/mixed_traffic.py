"""One kind of traffic on a hub, as a process over HTTP: `python -m tests.long.mixed_traffic KIND URL FACTS LEDGER`, until its input ends.

Whatever the hub acknowledged is written into the file LEDGER, a JSON line each; so is every error, with its time. What was not
answered, or with a 5xx, is sent again until it is: all of it may be sent twice. Imports nothing of the hub.
"""

import hashlib
import http.client
import io
import json
import random
import select
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

API = "/api/v1"
TOKEN = "c" * 32
AGAIN = 0.2
ITEMS = 20
LABELS = ("car", "bus", "truck")
PAGES = (
    "/",
    "/samples/",
    "/batches/",
    "/datasets/",
    "/jobs/",
    "/models/",
    "/rollouts/",
    "/edges/",
    "/review/",
    "/quality/",
    "/audit/",
)
Answer = tuple[int, Any, dict[str, str]]


class Ledger:
    """What was acknowledged, and what went wrong when."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("a", buffering=1)

    def note(self, what: str, **facts: Any) -> None:
        self.file.write(json.dumps({"what": what, "at": time.time(), **facts}) + "\n")


class Sender:
    """A connection that is patient: an error is noted, and the same is sent again."""

    def __init__(self, url: str, ledger: Ledger, headers: dict[str, str]) -> None:
        self.http = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self.ledger, self.headers = ledger, headers

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = json.dumps(body) if isinstance(body, dict) else body
        more = {"Content-Type": "application/json"} if isinstance(body, dict) else {}
        is_fresh = self.http.sock is None
        while not ended():
            try:
                self.http.request(method, path, content, {**self.headers, **more, **headers})
                answer = self.http.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException) as fault:
                self.http.close()
                if is_fresh:  # else the server had closed a connection that nothing was said on for a while
                    self.ledger.note("error", path=path, fault=type(fault).__name__)
                    time.sleep(AGAIN)
                is_fresh = True
                continue
            if answer.status < 500:
                kind = answer.headers.get_content_type()
                return answer.status, json.loads(said) if said and kind.endswith("json") else said, dict(answer.headers.items())
            self.ledger.note("error", path=path, fault=str(answer.status), said=said.decode(errors="replace")[:300])
            time.sleep(AGAIN)
        raise SystemExit(0)


def ended() -> bool:
    """Answer whether the input has ended, which is how a test says that it is time to go home."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


def upload(url: str, facts: dict[str, Any], ledger: Ledger) -> None:
    """Bring batch after batch, a day each, with a file for every item."""
    hub = Sender(url, ledger, {"Authorization": f"Bearer {facts['key']}"})
    dice, number = random.Random(facts["city"]), 0
    while not ended():
        number += 1
        day = f"{2025 - number // 300}-{1 + number % 300 // 28:02}-{1 + number % 28:02}"
        _, batch, _ = hub.send("POST", f"{API}/learning/batches", {"city": facts["city"], "day": day})
        pictures = [_picture(dice) for _ in range(ITEMS)]
        items = [_item(f"{facts['city']}-{number}-{n}", day, facts["module"], each) for n, each in enumerate(pictures)]
        status, told, _ = hub.send("POST", f"{API}/learning/batches/{batch['id']}/items", {"items": items})
        assert status == 200, told
        taken = []
        for item, picture, outcome in zip(items, pictures, told["results"], strict=True):
            assert outcome["outcome"] in {"accepted", "duplicate"}, outcome
            ledger.note("item", event=item["event_id"])
            taken.append(f"{item['event_id']}:{item['file']['sha256']}\n")
            if wanted := outcome.get("upload"):
                _put(wanted, picture, ledger)
                ledger.note("file", event=item["event_id"], batch=batch["id"])
        digest = hashlib.sha256("".join(sorted(taken)).encode()).hexdigest()
        status, told, _ = hub.send(
            "POST", f"{API}/learning/batches/{batch['id']}/seal", {"items": len(taken), "sha256": digest}
        )
        assert status == 202, told
        ledger.note("batch", id=batch["id"])
        time.sleep(dice.uniform(0.5, 2))


def _put(wanted: dict[str, Any], picture: bytes, ledger: Ledger) -> None:
    parts = urlsplit(wanted["url"])
    sender = Sender(wanted["url"], ledger, {})
    status, told, _ = sender.send(wanted["method"], f"{parts.path}?{parts.query}", picture, **wanted["headers"])
    sender.http.close()
    assert status in {200, 201, 204, 412}, told


def _picture(dice: random.Random) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (48, 32), dice.randbytes(48 * 32 * 3)).save(out, "PNG")
    return out.getvalue()


def _item(event: str, day: str, module: str, picture: bytes) -> dict[str, Any]:
    sums = {"sha256": hashlib.sha256(picture).hexdigest(), "md5": hashlib.md5(picture).hexdigest()}
    return {
        "event_id": event,
        "camera_id": "cam-7",
        "ai_module": module,
        "label_status": "correct",
        "captured_at": f"{day}T08:00:00Z",
        "prediction": {"label": "car"},
        "file": {**sums, "size": len(picture), "media_type": "image/png"},
    }


def annotate(url: str, facts: dict[str, Any], ledger: Ledger) -> None:
    """Judge sample after sample, one in four changed."""
    page = Sender(url, ledger, {"Cookie": f"sessionid={facts['session']}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN})
    dice = random.Random(facts["session"])
    while not ended():
        status, lease, _ = page.send("POST", f"{API}/learning/review/next", {"ai_module": facts["module"]})
        if status == 204:
            time.sleep(1)
        while status == 200 and lease and not ended():
            said = {"lease_token": lease["lease_token"], "client_uuid": str(uuid.UUID(int=dice.getrandbits(128), version=4))}
            said |= {"decision": "correct", "seconds": 1.5} if dice.random() < 0.75 else {"decision": "unsure", "seconds": 3}
            path = f"{API}/learning/review/slots/{lease['slot']}/decide"
            status, told, _ = page.send("POST", path, {**said, "next": True})
            assert status in {200, 409}, told
            if status == 200:
                ledger.note("decision", client_uuid=said["client_uuid"])
                lease = told["next"]
            time.sleep(dice.uniform(0.05, 0.3))


def poll(url: str, facts: dict[str, Any], ledger: Ledger) -> None:
    """Be a fleet: each edge polls once in a round, says what it runs, and takes what it is assigned."""
    edges = [{"key": key, "etag": "", "version": ""} for key in facts["keys"]]
    hub = Sender(url, ledger, {})
    while not ended():
        began = time.monotonic()
        for edge in edges:
            key = {"Authorization": f"Bearer {edge['key']}"}
            status, told, headers = hub.send("GET", f"{API}/edge/assignment", **key, **{"If-None-Match": edge["etag"]})
            assert status in {200, 304}, told
            if status == 200:
                edge["etag"] = {name.lower(): value for name, value in headers.items()}["etag"]
                _take(hub, edge, told, key, ledger)
            if ended():
                return
        time.sleep(max(0.0, facts["every"] - (time.monotonic() - began)))


def _take(hub: Sender, edge: dict[str, Any], told: Any, key: dict[str, str], ledger: Ledger) -> None:
    for target in told["signed"]["targets"].values():
        named = target["custom"]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        said = {"attempt": named["attempt"], "seq": 1, "status": "completed", "progress_percent": 100, "at": now}
        path = f"{API}/edge/deployments/{named['deployment']}/reports"
        status, answer, _ = hub.send("POST", path, {"reports": [said]}, **key)
        assert status in {200, 409}, answer
        ledger.note("deployment" if status == 200 else "refused", id=named["deployment"], said=answer)
        slot = {"ai_module": named["module"], "active_version": named["version"], "previous_version": None}
        beat = {"at": now, "edge_version": "1.0.0", "slots": [{**slot, "counter": told["signed"]["version"]}]}
        assert hub.send("POST", f"{API}/edge/heartbeat", beat, **key)[0] == 200
        ledger.note("heartbeat", edge=told["signed"]["edge_server_id"], version=named["version"])


def click(url: str, facts: dict[str, Any], ledger: Ledger) -> None:
    """Ask for two trainings and a rollout, then look from page to page."""
    page = Sender(url, ledger, {"Cookie": f"sessionid={facts['session']}; csrftoken={TOKEN}", "X-CSRFToken": TOKEN})
    for number in (1, 2):
        asked = {**facts["job"], "name": f"mixed {number}"}
        status, told, _ = page.send("POST", f"{API}/training/jobs", asked, **{"Idempotency-Key": f"mixed-{number}"})
        assert status in {200, 201}, told
        ledger.note("job", id=told["id"])
    status, told, _ = page.send(
        "POST", f"{API}/deployments/rollouts", {"model_version": facts["version"]}, **{"Idempotency-Key": "mixed"}
    )
    assert status in {200, 201}, told
    ledger.note("rollout", id=told["id"])
    while not ended():
        for address in PAGES:
            began = time.monotonic()
            status, _, _ = page.send("GET", address)
            ledger.note("page", path=address, status=status, ms=round(1_000 * (time.monotonic() - began), 1))
            time.sleep(0.3)


KINDS: dict[str, Callable[[str, dict[str, Any], Ledger], None]] = {
    "upload": upload,
    "annotate": annotate,
    "poll": poll,
    "click": click,
}

if __name__ == "__main__":
    KINDS[sys.argv[1]](sys.argv[2], json.loads(Path(sys.argv[3]).read_text()), Ledger(Path(sys.argv[4])))
