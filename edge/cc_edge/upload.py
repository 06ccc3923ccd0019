"""`cc-edge upload`: bring a folder of samples to the hub; running it again continues, and sends nothing twice.

Open (or find again) the batch → items, a thousand a request → each image straight to the store under its signed
address → seal over what was accepted → wait until the hub's workers have seen every image.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from cc_edge.errors import EdgeError, Unreachable
from cc_edge.hub import TIMEOUT, USER_AGENT, Hub, patiently
from cc_edge.journal import Journal
from cc_edge.samples import Sample, Source, Unusable
from cc_edge.selection import Selection

ITEMS_A_REQUEST = 1000
THREADS = 4
FRESH_FOR = timedelta(seconds=30)
FRESH_ADDRESSES = 3
ALREADY_THERE = 412  # and never changed, so it is what we would have sent
STORED = {200, 201, 204, ALREADY_THERE}
DONE = {"registered", "rejected", "expired"}


@dataclass
class Summary:
    """The one JSON line: what became of the lines of `samples.jsonl`."""

    batch: str = ""
    accepted: int = 0
    duplicate: int = 0
    relabelled: int = 0
    rejected: int = 0
    skipped: int = 0
    uploaded: int = 0
    bytes: int = 0
    state: str = ""
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)

    def reject(self, reason: str) -> None:
        """Count a line that was not taken, under its reason."""
        self.rejected += 1
        self.reasons[reason] += 1


@dataclass(frozen=True)
class Plan:
    """What to send: the city, its day, and what the client itself leaves out."""

    city: str
    day: str
    selection: Selection = field(default_factory=Selection)
    wait: bool = True
    wait_seconds: float = 3600.0


class Upload:
    """One delivery of one source; `run` answers the summary and raises Unreachable where it has to be run again."""

    def __init__(self, hub: Hub, source: Source, journal: Journal, plan: Plan) -> None:
        self.hub, self.source, self.journal, self.plan = hub, source, journal, plan
        self.summary = Summary()
        self.delivery = ""
        self._count = threading.Lock()

    def run(self) -> Summary:
        """Deliver; see the module."""
        began = time.monotonic()
        limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=THREADS)
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")
        with httpx.Client(timeout=TIMEOUT, headers={"User-Agent": USER_AGENT}, limits=limits) as self.store:
            try:
                self._open()
                for chunk in _chunks(self._selected(), ITEMS_A_REQUEST):
                    self._raise_if_stopped()
                    self._send(chunk)
                self._seal()
            finally:
                self.pool.shutdown(cancel_futures=True)
                self.summary.seconds = round(time.monotonic() - began, 3)
        return self.summary

    def _open(self) -> None:
        """Find the batch of the unfinished delivery, or open one; a batch that was closed meanwhile is done with."""
        source = f"{self.plan.city} {self.source.name}"
        while True:
            self.delivery, day = self.journal.begin(source, self.plan.day)
            body = {"city": self.plan.city, "day": day, "client_batch_id": self.delivery}
            batch = self.hub.post("learning/batches", body)
            if batch["state"] == "open":
                break
            self.journal.finish(self.delivery)
        self.summary.batch, self.summary.state = batch["id"], batch["state"]
        self.path = f"learning/batches/{quote(batch['id'], safe='')}"
        _say(f"batch {batch['id']}")

    def _selected(self) -> Iterator[Sample]:
        for sample in self.source.read():
            if isinstance(sample, Unusable):
                self._reject(sample.reason, str(sample))
            elif self.plan.selection.takes(sample.item):
                yield sample
            else:
                self.summary.skipped += 1

    def rehearse(self) -> Summary:
        """Read, choose and strip as `run` does, and send nothing: what would be sent is `accepted`."""
        began = time.monotonic()
        self.summary.state = "dry run"
        with ThreadPoolExecutor(THREADS, thread_name_prefix="upload") as self.pool:
            for chunk in _chunks(self._selected(), ITEMS_A_REQUEST):
                self._raise_if_stopped()
                for sample in self.pool.map(self._described, chunk):
                    if sample is not None:
                        self.summary.accepted += 1
                        self.summary.bytes += sample.facts.get("size", 0)
        self.summary.seconds = round(time.monotonic() - began, 3)
        return self.summary

    def _raise_if_stopped(self) -> None:
        if self.hub.stop.is_set():
            raise Unreachable("Stopped; run again to continue.")

    def _send(self, chunk: list[Sample]) -> None:
        """Describe, register and upload up to a thousand samples."""
        ready = [sample for sample in self.pool.map(self._described, chunk) if sample is not None]
        if not ready:
            return
        results = self._register(ready)
        wanted = [(sample, result) for sample, result in zip(ready, results, strict=True) if self._tally(sample, result)]
        for _ in self.pool.map(self._upload, wanted):
            pass
        s = self.summary
        _say(f"accepted {s.accepted}  duplicate {s.duplicate}  rejected {s.rejected}  uploaded {s.uploaded}")

    def _described(self, sample: Sample) -> Sample | None:
        try:
            sample.describe()
        except Unusable as wrong:
            self._reject(wrong.reason, str(wrong))
            return None
        return sample

    def _register(self, samples: list[Sample]) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.hub.post(f"{self.path}/items", {"items": [sample.wire() for sample in samples]})[
            "results"
        ]
        if len(results) != len(samples):
            raise EdgeError(f"The hub answered {len(results)} results to {len(samples)} items.")
        return results

    def _tally(self, sample: Sample, result: dict[str, Any]) -> bool:
        """Count one answer; answers whether its image has to be sent."""
        outcome = result["outcome"]
        if outcome == "rejected":
            self._reject(result["reason"], f"{sample.event_id}: {result.get('detail', '')}")
            return False
        if outcome not in {"accepted", "duplicate", "relabelled"}:
            raise EdgeError(f"The hub answered {outcome!r} for {sample.event_id}, which this client does not know.")
        setattr(self.summary, outcome, getattr(self.summary, outcome) + 1)
        if outcome != "accepted":
            return False
        upload = result.get("upload")
        name = urlsplit(upload["url"]).path.rpartition("/")[2] if upload else ""
        lies_there = self.journal.accept(self.delivery, sample.event_id, sample.content_id, name)
        return bool(upload) and not lies_there

    def _upload(self, wanted: tuple[Sample, dict[str, Any]]) -> None:
        """Put one image into the store, with a fresh address where the old one ran out."""
        sample, result = wanted
        self._raise_if_stopped()
        try:
            content = sample.picture().content
        except Unusable as wrong:
            self._reject(wrong.reason, str(wrong))
            return
        upload = result["upload"]
        for _ in range(FRESH_ADDRESSES):
            if _has_run_out(upload):
                upload = self._register([sample])[0].get("upload") or upload
            status = self._put(upload, content)
            if status in STORED:
                self._stored(sample, len(content) if status != ALREADY_THERE else None)
                return
            if status != httpx.codes.FORBIDDEN:
                break
            upload = self._register([sample])[0].get("upload") or upload
        self._reject("store_refused", f"{sample.event_id}: the store answered {status}.")

    def _stored(self, sample: Sample, size: int | None) -> None:
        """Remember an image that lies in the store; `size` in bytes, None where it lay there before."""
        self.journal.uploaded(self.delivery, sample.event_id)
        with self._count:
            self.summary.uploaded += size is not None
            self.summary.bytes += size or 0

    def _put(self, upload: dict[str, Any], content: bytes) -> int:
        def send() -> httpx.Response:
            return self.store.request(upload["method"], upload["url"], content=content, headers=upload["headers"])

        return patiently(send, tries=self.hub.tries, stop=self.hub.stop).status_code

    def _seal(self) -> None:
        """Close the batch over what was accepted in it, wait for the workers, and count what they refused."""
        items, sha256 = self.journal.seal_of(self.delivery)
        before = self.hub.look_up(self.path)
        sealed = self.hub.post(f"{self.path}/seal", {"items": items, "sha256": sha256})
        self.summary.state = sealed.get("state", "sealed")
        self.journal.finish(self.delivery)
        _say(f"sealed {items} items")
        if self.plan.wait:
            after = self._registered()
            self.summary.state = after["state"]
            if after["state"] in DONE:
                self._count_refused_late(before, after)

    def _count_refused_late(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Move to the rejected what was accepted and then refused by a worker that looked at the image."""
        late = max(0, after["rejected"] - before["rejected"])
        self.summary.accepted -= min(late, self.summary.accepted)
        self.summary.rejected += late
        known = [(row["event_id"], row["reason"]) for row in before["rejections"]]
        reasons = [row["reason"] for row in after["rejections"] if (row["event_id"], row["reason"]) not in known]
        reasons = [reason for reason in reasons if reason != "duplicate"][:late]
        unnamed = late - len(reasons)  # the hub names the first hundred only
        self.summary.reasons.update(reasons)
        self.summary.reasons.update({"not_verified": unnamed} if unnamed else {})

    def _registered(self) -> dict[str, Any]:
        until = time.monotonic() + self.plan.wait_seconds
        pause = 0.2
        while True:
            batch: dict[str, Any] = self.hub.look_up(self.path)
            if batch["state"] in DONE:
                return batch
            if self.hub.stop.wait(pause):
                return batch  # all is in; what becomes of it the hub's pages say
            if time.monotonic() > until:
                raise Unreachable(f"{self.summary.batch} is sealed, but the hub has not verified it yet.")
            pause = min(5.0, pause * 1.5)

    def _reject(self, reason: str, detail: str) -> None:
        with self._count:
            self.summary.reject(reason)
        _say(f"rejected ({reason}): {detail}")


def _has_run_out(upload: dict[str, Any]) -> bool:
    return datetime.fromisoformat(upload["expires_at"]) - datetime.now(UTC) < FRESH_FOR


def _chunks(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    samples = iter(samples)
    while chunk := list(islice(samples, size)):
        yield chunk


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def city_day() -> str:
    """Answer today where this client stands, which is in the city."""
    return datetime.now().astimezone().date().isoformat()
