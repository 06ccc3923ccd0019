"""The agent of an edge server: ask what to run, verify it, install it, say so. It answers images whatever the hub does."""

import contextlib
import json
import logging
import platform
import random
import shutil
import sqlite3
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from cc_edge import __version__, bundle
from cc_edge.download import Download
from cc_edge.errors import EdgeError, HubRefused, KeyRefused, TooSlow, Unfit, Unreachable
from cc_edge.home import Home
from cc_edge.hooks import Hooks
from cc_edge.hub import TIMEOUT, USER_AGENT, Hub
from cc_edge.model import check_model
from cc_edge.slots import Slot, Slots
from cc_edge.state import State, Waiting
from cc_edge.trust import Assignment, Entry, Stale, Trust, Untrusted, deployments_named

log = logging.getLogger("cc-edge")

MOST_ASSIGNMENT_BYTES = 1 << 20
SPARE_BYTES = 64 << 20
DEFAULT_POLL_SECONDS = 60.0
SHORTEST_POLL, LONGEST_POLL = 0.1, 3600.0
LONGEST_BACKOFF = 300.0
PROGRESS_STEP = 10
DOWNLOADED, ON_PROBATION = 70, 90  # percent of an install
PROBED_EVERY = 5.0
TEMPORARY = {408, 425, 429}


@dataclass
class Round:
    """How one round went: refused sentences, the seconds to the next poll the hub asks for, and those that we ourselves want at most."""

    refused: list[str]
    poll_seconds: float = DEFAULT_POLL_SECONDS
    soonest: float = LONGEST_POLL


class Agent:
    """One edge server's agent; the caller holds the lock of its folder."""

    def __init__(self, home: Home, state: State, hub: Hub, store: httpx.Client, hooks: Hooks | None = None) -> None:
        self.home, self.state, self.hub, self.store = home, state, hub, store
        self.hooks = hooks or Hooks()
        self._trust: Trust | None = None

    def run(self, *, poll: float | None, stop: threading.Event) -> None:
        """Do one round after another until `stop`; where the hub is away, ask ever more seldom, up to five minutes."""
        failures = 0
        while not stop.is_set():
            wait = poll
            try:
                done = self.round()
                failures = 0
                asked = done.poll_seconds * random.uniform(0.9, 1.1)  # noqa: S311  (jitter)
                wait = poll if poll is not None else min(asked, done.soonest)
            except (EdgeError, OSError, sqlite3.Error) as error:  # the hub is away, or this disk is full: both may pass
                failures += 1
                wait = min(LONGEST_BACKOFF, (poll or 1.0) * 2 ** min(failures - 1, 10))
                log.warning("%s Again in %.1f s.", error, wait)
            stop.wait(min(LONGEST_POLL, max(SHORTEST_POLL, wait)))

    def round(self) -> Round:
        """Deliver what waits, follow the assignment, heartbeat; raises Unreachable, KeyRefused, HubRefused."""
        done = Round([])
        try:
            self._deliver()
            away = self._take_up(done)
        except sqlite3.Error:  # the disk is full: what came of a model makes room for remembering what became of it
            self._drop_downloads()
            raise
        self._deliver()
        self._heartbeat(done)
        if away:
            raise away
        return done

    def round_from_stick(self) -> Round:
        """Follow the assignment on a stick, where the hub of this agent leads; reports wait until the true hub is heard again."""
        done = Round([])
        if away := self._take_up(done):
            raise away
        return done

    def _take_up(self, done: Round) -> Unreachable | None:
        """Follow the assignment, module by module; answers what was away, which must not hold up the others nor the heartbeat."""
        away: Unreachable | None = None
        try:
            assignment = self._assignment(done)
        except TooSlow as error:
            self._note(done, str(error))
            return error
        except Unfit as error:  # longer than any assignment is
            self._note(done, str(error))
            return None
        if assignment:  # what was on its way before and is assigned no more
            self._drop_downloads(but={entry.sha256 for entry in assignment.entries})
        for entry in assignment.entries if assignment else []:
            try:
                self._follow(entry, done)
            except Unreachable as error:
                away = error
                if isinstance(error, TooSlow):
                    self._note(done, f"{entry.module} {entry.version}: {error}")
            self._deliver_if_possible()
        return away

    # the assignment

    def _assignment(self, done: Round) -> Assignment | None:
        """Answer the verified assignment where there is something to do about it; what is refused is noted in `done`."""
        etag, kept = self.state.fact("etag"), self.state.fact("assignment")
        headers = {"If-None-Match": etag} if etag and kept else {}
        response = self.hub.get_bounded("edge/assignment", most=MOST_ASSIGNMENT_BYTES, headers=headers)
        done.poll_seconds = _seconds(response.headers.get("Retry-After"), done.poll_seconds)
        is_new = response.status_code != httpx.codes.NOT_MODIFIED
        document = response.content if is_new else kept
        if not document or (not is_new and self._is_settled(document)):
            return None
        try:
            self._trust = Trust(self.home.trust, self.home.root(), self.hub, self.state.now)
            self._trust.refresh()
            self.state.saw_time(self._trust.signed_at())
            lowest = int(self.state.fact("counter") or 0)
            try:
                assignment = self._trust.read(document, edge_server_id=self.home.edge_server_id, lowest=lowest)
            except Untrusted:  # the key that assigns may have changed since this document was fetched
                response = self.hub.get_bounded("edge/assignment", most=MOST_ASSIGNMENT_BYTES, headers={})
                if response.content == document:
                    raise
                document = response.content
                assignment = self._trust.read(document, edge_server_id=self.home.edge_server_id, lowest=lowest)
            self.state.saw_time(assignment.signed_at)
        except Stale as error:  # nobody's fault on this deployment: it waits
            self._note(done, str(error))
            return None
        except Unfit as error:
            self._note(done, str(error))
            for deployment, attempt in deployments_named(document):
                self.state.report(deployment, attempt, "failed", error=str(error))
            return None
        self.state.remember(etag=response.headers.get("ETag") or etag, assignment=document, counter=assignment.counter)
        return assignment

    def _is_settled(self, document: bytes) -> bool:
        return all(self.state.is_over(deployment, attempt) for deployment, attempt in deployments_named(document))

    def _note(self, done: Round, sentence: str) -> None:
        log.error("Refused: %s", sentence)
        done.refused.append(sentence)
        self.state.remember(last_refusal=sentence)

    # one module

    def _follow(self, entry: Entry, done: Round) -> None:
        """Bring one module to what it is assigned; a refusal is reported and leaves the module as it was."""
        if self.state.is_over(entry.deployment, entry.attempt):
            return
        slots = Slots(self.home.modules, entry.module)
        try:
            if self._on_probation(entry) is None:
                self._bring(entry, slots)
            if not self._has_proved_itself(entry, slots, done):
                return
        except HubRefused as error:
            log.warning("%s %s: %s", entry.module, entry.version, error)  # superseded meanwhile, or unknown: the hub knows best
        except Stale as error:
            self._note(done, f"{entry.module} {entry.version}: {error}")
        except (Unfit, OSError) as error:
            self._drop_downloads(entry.sha256)
            sentence = str(error) if isinstance(error, Unfit) else f"This machine cannot write: {error.strerror or error}."
            self._note(done, f"{entry.module} {entry.version}: {sentence}")
            self.state.report(entry.deployment, entry.attempt, "failed", error=sentence)
        else:
            self.state.report(entry.deployment, entry.attempt, "completed", percent=100)
            self.state.remember(last_refusal=None)
            log.info("%s runs %s", entry.module, entry.version)

    def _on_probation(self, entry: Entry) -> datetime | None:
        """Answer until when the model of this attempt is on probation, None where it is not."""
        kept = json.loads(self.state.fact(f"probation:{entry.module}") or "{}")
        is_this = (kept.get("deployment"), kept.get("attempt")) == (entry.deployment, entry.attempt)
        return datetime.fromisoformat(kept["until"]) if is_this else None

    def _has_proved_itself(self, entry: Entry, slots: Slots, done: Round) -> bool:
        """Tell whether the site's program does well with the model for long enough; raises Unfit once it is back at the one before."""
        until = self._on_probation(entry)
        try:
            if until is None:
                if not self.hooks.are_there:
                    return True
                self.hooks.activated(entry.module, entry.version, slots.current)
                until = self.state.now() + timedelta(seconds=self.hooks.probation if self.hooks.probe else 0)
                kept = {"deployment": entry.deployment, "attempt": entry.attempt, "until": until.isoformat()}
                self.state.remember(**{f"probation:{entry.module}": json.dumps(kept)})
                self.state.report(entry.deployment, entry.attempt, "installing", percent=ON_PROBATION)
            self.hooks.probed(entry.module, entry.version, slots.current)
        except Unfit as error:
            raise Unfit(f"{error} {self._fall_back(entry, slots)}") from error
        is_over = self.state.now() >= until
        if is_over:
            self.state.remember(**{f"probation:{entry.module}": None})
        else:
            done.soonest = PROBED_EVERY
        return is_over

    def _fall_back(self, entry: Entry, slots: Slots) -> str:
        """Return to the model before, where there is a sound one, and say so."""
        self.state.remember(**{f"probation:{entry.module}": None})
        before = slots.other()
        if before is None or not _is_sound(slots.other_folder(), entry.module):
            return "There is none to return to."
        slots.switch(before)
        try:
            self.hooks.activated(entry.module, before.version, slots.current)
        except Unfit as error:
            return f"Back at {before.version}, but: {error}"
        return f"It is back at {before.version}."

    def _bring(self, entry: Entry, slots: Slots) -> None:
        slots.tidy()
        slot = self._slot(entry)
        active, other = slots.active(), slots.other()
        if active and replace(active, installed_at=slot.installed_at) == slot:
            return  # killed between the switch and the report
        if self._trust is None:
            raise Unfit("There is no verified trust.")
        self._trust.agree(entry)
        if active and active.sha256 == entry.sha256 and _is_sound(slots.current, entry.module):
            slots.keep(slot)
        elif other and other.sha256 == entry.sha256 and _is_sound(slots.other_folder(), entry.module):
            self.state.report(entry.deployment, entry.attempt, "installing", percent=DOWNLOADED)
            slots.switch(slot)
        else:
            self._install(entry, slots, slot)

    def _install(self, entry: Entry, slots: Slots, slot: Slot) -> None:
        archive = self.home.downloads / f"{entry.sha256}.zip"
        self._download(entry, archive)
        self.state.report(entry.deployment, entry.attempt, "installing", percent=DOWNLOADED)
        self._deliver_if_possible()

        def fill(folder: Path) -> None:
            bundle.unpack(archive, folder)
            check_model(folder, entry.module)

        try:
            slots.install(fill, slot)
        finally:
            archive.unlink(missing_ok=True)

    def _download(self, entry: Entry, archive: Path) -> None:
        if entry.length > bundle.MOST_BYTES:
            raise Unfit(f"The bundle is larger than {bundle.MOST_BYTES} bytes.")
        came = sum(path.stat().st_size for path in self.home.downloads.glob(f"{entry.sha256}*"))
        if shutil.disk_usage(self.home.downloads).free + came < 2 * entry.length + SPARE_BYTES:
            raise Unfit("There is not enough free space on this machine for the model.")
        self.state.report(entry.deployment, entry.attempt, "downloading", percent=0)
        self._deliver_if_possible()
        told = 0

        def progress(at: int) -> None:
            nonlocal told
            percent = DOWNLOADED * at // max(1, entry.length)
            if percent >= told + PROGRESS_STEP:
                told = percent
                self.state.report(entry.deployment, entry.attempt, "downloading", percent=percent)
                self._deliver_if_possible()

        def address() -> str:
            return str(self.hub.post(f"edge/deployments/{entry.deployment}/download").get("url", ""))

        download = Download(
            self.store, address, length=entry.length, sha256=entry.sha256, stop=self.hub.stop, progress=progress
        )
        download.to(archive)

    def _slot(self, entry: Entry) -> Slot:
        now = self.state.now().isoformat()
        return Slot(entry.module, entry.version, entry.sha256, entry.deployment, entry.attempt, now)

    def _drop_downloads(self, sha256: str = "", *, but: Collection[str] = ()) -> None:
        """Remove what was fetched of one model, or of all but some."""
        for path in self.home.downloads.glob(f"{sha256}*"):
            if path.name.partition(".")[0] not in but:
                path.unlink(missing_ok=True)

    # what the hub is told

    def _deliver(self) -> None:
        """Send the reports that wait, oldest first; those that the hub will never take are dropped and logged."""
        while waiting := self.state.waiting():
            try:
                self.hub.post(f"edge/deployments/{waiting.deployment}/reports", {"reports": waiting.reports})
            except HubRefused as error:
                self._drop(waiting, error)
            self.state.acknowledge(waiting)

    @staticmethod
    def _drop(waiting: Waiting, error: HubRefused) -> None:
        if error.status in TEMPORARY:
            raise Unreachable(str(error)) from error
        log.warning("The hub does not take the reports of %s: %s", waiting.deployment, error)

    def _deliver_if_possible(self) -> None:
        """Tell of progress now rather than later; it is in the outbox either way."""
        with contextlib.suppress(Unreachable, KeyRefused):
            self._deliver()

    def _heartbeat(self, done: Round) -> None:
        measured = self.state.measured()
        refusals = [{"kind": "refusal", "detail": sentence} for sentence in done.refused]
        body = {
            "at": self.state.now().isoformat(),
            "edge_version": __version__,
            "runtime": _runtime(),
            "slots": self._slots(),
            "telemetry": [*({"kind": "answered", **note} for note in measured.values()), *refusals],
        }
        answer = self.hub.post("edge/heartbeat", body)
        self.state.told(measured)
        done.poll_seconds = _seconds(answer.get("poll_seconds"), done.poll_seconds)

    def _slots(self) -> list[dict[str, Any]]:
        told = []
        for module in self.home.installed():
            slots = Slots(self.home.modules, module)
            active, other = slots.active(), slots.other()
            told.append(
                {
                    "ai_module": module,
                    "active_version": active.version if active else "",
                    "previous_version": other.version if other else "",
                    "counter": int(self.state.fact("counter") or 0),
                    **_origin(active),
                }
            )
        return told


def store_client() -> httpx.Client:
    """Make the client for signed addresses; it never carries our key."""
    return httpx.Client(timeout=TIMEOUT, headers={"User-Agent": USER_AGENT}, follow_redirects=False)


def _is_sound(folder: Path, module: str) -> bool:
    try:
        check_model(folder, module)
    except Unfit as error:
        log.warning("The kept model is not used: %s", error)
        return False
    return True


def _origin(active: Slot | None) -> dict[str, Any]:
    """Say who chose what runs: the hub, or this site, and which attempt of the hub's it left."""
    if active is None or not active.left_deployment:
        return {"origin": "hub"}
    return {"origin": "local", "left": {"deployment": active.left_deployment, "attempt": active.left_attempt}}


def _runtime() -> dict[str, Any]:
    import onnxruntime

    return {"onnxruntime": onnxruntime.__version__, "platform": bundle.this_platform(), "python": platform.python_version()}


def _seconds(given: Any, otherwise: float) -> float:
    try:
        return min(LONGEST_POLL, max(SHORTEST_POLL, float(given)))
    except (TypeError, ValueError):
        return otherwise
