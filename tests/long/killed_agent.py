"""Updates of an agent that dies in the middle of them: `python -m tests.long.killed_agent BIND KILLS SEED`, on a hub of its own.

Prints each moment, and at the end as JSON what came of it all.
"""
# ruff: noqa: E402  (Django is set up before its models are imported)

import json
import os
import random
import shlex
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings

from cc_edge.errors import Misconfigured
from cc_edge.inference import load_active
from cc_edge.slots import Slots
from cc_edge.state import State
from config.processes import Processes
from deployments.actions import rollout
from deployments.models import ModelDeployment
from learning.actions import module
from tests import people
from tests.edge.bundles import LABELS, image, onnx_model
from tests.long import edges
from training import trust

MORTAL = [sys.executable, "-m", "tests.long.mortal_agent"]
PROGRAM = settings.BASE_DIR / "edge" / "examples" / "managed" / "program.sh"
BAD = "this one crashes"
CARD_BYTES = 1_500_000
"""A model that takes some pieces to come."""
PHASES = {
    "download": "download",
    "trust": "verify",
    "bundle": "install",
    "onnx_graph": "install",
    "slots": "switch",
    "model": "warm up",
    "outputs": "warm up",
    "hooks": "probation",
    "state": "report",
    "hub": "report",
}
ON_PROBATION = {"_has_proved_itself", "_fall_back", "_on_probation"}


@dataclass
class Update:
    """One version on its way; `ends` is how, and `label` what the model says of a light image."""

    number: int
    label: str
    ends: str = "completed"
    deployment: Any = None
    kills: int = 0
    seen: set[str] = field(default_factory=set)

    @property
    def version(self) -> str:
        return f"{self.number}.0.0"


class Killing:
    """One edge, plain or managed, whose agent is killed at moments that the dice choose."""

    def __init__(self, edge: edges.Edge, of: Any, dice: random.Random) -> None:
        self.edge, self.module, self.dice = edge, of, dice
        self.number, self.runs = 0, Update(0, "")
        self.moments: dict[str, list[int]] = {}
        self.killed: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()

    @property
    def is_managed(self) -> bool:
        return bool(self.edge.arguments)

    def rehearse(self) -> None:
        """Take one update that nobody disturbs, and write down what it passes."""
        update, kept = self.begin("completed"), self.edge.home.folder / "lines"
        self.edge.start(*MORTAL, json.dumps({"kept": str(kept)}))
        self.follow(update)
        for number, line in enumerate(kept.read_text().splitlines(), start=1):
            file, _, function = line.partition(":")
            phase = "probation" if function in ON_PROBATION else PHASES.get(file, "follow")
            self.moments.setdefault(phase, []).append(number)

    def begin(self, ends: str) -> Update:
        """Release and assign the next version; one that ends badly gives other golden answers, or crashes the site's program."""
        self.number += 1
        kind = 1 if self.number % 2 else -1
        card = f"# {self.number}\n" + "x" * CARD_BYTES
        is_wrong = ends == "failed" and not self.is_managed
        folder = self.edge.home.folder
        released = edges.released(self.module, self.number, folder, kind=kind, golden_of=-kind if is_wrong else kind, card=card)
        if ends == "failed" and self.is_managed:
            (folder / "crashes").write_text(released.version)
        update = Update(self.number, "light" if kind == 1 else "dark", ends)
        begun = rollout.start(released, by=people.ada())
        update.deployment = ModelDeployment.objects.get(rollout=begun)
        return update

    def take_up(self, most: int) -> int:
        """Take one update through a kill or several, `most` at most; answers how many there were."""
        update = self.begin(self.dice.choices(["completed", "failed"], weights=[4, 1])[0])
        while update.kills < most and (not update.kills or self.dice.random() < 0.4):
            phase = self.dice.choice(sorted(self.moments))
            line, after = self.dice.choice(self.moments[phase]), self.dice.choice([0.0, 0.0, self.dice.uniform(0.1, 30)])
            agent = self.edge.start(*MORTAL, json.dumps({"line": line, "after_ms": after}))
            self.say(update, f"{phase}, line {line}, {after:.1f} ms later")
            edges.until(
                lambda agent=agent, update=update: agent.poll() is not None or self.is_over(update), "neither killed nor done"
            )
            if agent.poll() is None:
                break  # this update has fewer lines left than that
            assert agent.returncode == -signal.SIGKILL, (self.edge.home.folder / "agent.log").read_text()[-2_000:]
            update.kills += 1
            self.killed[phase] += 1
            self.check_whole(update)
        self.edge.end()
        self.edge.start()
        self.follow(update)
        return update.kills

    def is_over(self, update: Update) -> bool:
        update.deployment.refresh_from_db()
        expected = update.version if update.ends == "completed" else self.runs.version if self.runs.number else ""
        return update.deployment.status == update.ends and self.edge.slot.active_version == expected

    def follow(self, update: Update) -> None:
        """Wait for its end, and hold the hub and the edge to it."""
        log = self.edge.home.folder / "agent.log"
        edges.until(lambda: self.is_over(update), f"{update}\n{log.read_text()[-2_000:] if log.exists() else ''}")
        self.edge.end()
        self.runs = update if update.ends == "completed" else self.runs
        self.check_record(update)
        self.check_whole(update)
        with State(self.edge.home.database) as state:
            assert state.count_waiting() == 0
        if self.is_managed and self.runs.number:
            assert (self.edge.home.folder / "loaded").read_text().split()[0] == self.runs.version

    def check_whole(self, update: Update) -> None:
        """The model in use is one that was assigned, byte for byte, and answers as it must."""
        try:
            slot, model = load_active(self.edge.home, self.module.slug)
        except Misconfigured:
            assert not self.runs.number, "there was a model before"
            return
        assert slot.version in {self.runs.version, update.version}, slot
        of = update if slot.version == update.version else self.runs
        assert of.ends == "completed" or self.is_managed, "a model that fails its golden answers is in use"
        assert model.answer(image(250)).value["label"] == of.label
        folder = Slots(self.edge.home.modules, self.module.slug).current
        assert (folder / "model.onnx").read_bytes() == onnx_model(1 if of.label == "light" else -1)
        assert (folder / "MODEL_CARD.md").read_text() == f"# {of.number}\n" + "x" * CARD_BYTES
        self.versions["new" if of is update else "before"] += 1

    def check_record(self, update: Update) -> None:
        """The hub knows how it ended, once, and of one attempt whose reports are numbered without a gap."""
        deployment = update.deployment
        assert (deployment.attempt, deployment.progress_percent == 100) == (1, update.ends == "completed")
        said = list(deployment.reports.order_by("seq").values_list("seq", "status"))
        assert [seq for seq, _ in said] == list(range(1, len(said) + 1)), said
        assert [status for _, status in said if status in ("completed", "failed")] == [update.ends], said
        assert said[-1][1] == update.ends

    def left_behind(self) -> list[str]:
        """Answer the files that should not be there once all is done."""
        home, of = self.edge.home, self.edge.home.modules / self.module.slug
        strange = [path for path in of.iterdir() if path.name not in {"a", "b", "current"}]
        strange += home.downloads.iterdir()
        strange += [path for path in home.trust.rglob("*") if path.is_file() and path.suffix != ".json"]
        return [str(path.relative_to(home.folder)) for path in strange]

    def say(self, update: Update, sentence: str) -> None:
        kind = "managed" if self.is_managed else "plain"
        print(f"{kind} {update.version} ({update.ends}): {sentence}", file=sys.stderr, flush=True)  # noqa: T201  (for who repeats it)


def play(hub: Processes, kills: int, seed: int, folder: Path) -> dict[str, Any]:
    dice = random.Random(seed)
    trust.init()
    of = {
        name: module.add(name, by=people.ada(), name=name, task="classification", labels=LABELS)
        for name in ("plain", "managed")
    }
    plain = edges.enrolled("plain", of["plain"], folder, hub.url)
    managed = edges.enrolled("managed", of["managed"], folder, hub.url)
    bad, loaded = managed.home.folder / "crashes", managed.home.folder / "loaded"
    probe = f"""test ! -e {bad} || test "$CC_VERSION" != "$(cat {bad})" || exit 3; exec {PROGRAM} probe"""
    hooks = ["--activate", f"{PROGRAM} load", "--probe", f"sh -c {shlex.quote(probe)}", "--probation", "0.3"]
    managed.arguments, managed.environment = ["--managed", *hooks], {"CC_LOADED": str(loaded)}
    both = [Killing(plain, of["plain"], dice), Killing(managed, of["managed"], dice)]
    try:
        for one in both:
            one.rehearse()
        left = kills
        while left:
            left -= dice.choice(both).take_up(left)
    finally:
        for one in both:
            one.edge.end()
    return {
        "killed": sum((one.killed for one in both), Counter()),
        "found": sum((one.versions for one in both), Counter()),
        "updates": [one.number for one in both],
        "left_behind": [name for one in both for name in one.left_behind()],
    }


if __name__ == "__main__":
    hub = Processes(sys.argv[1], settings.VAR / "log", {"PUBLIC_URL": settings.PUBLIC_URL})
    try:
        hub.start("web", "default")
        hub.wait_ready()
        print(json.dumps(play(hub, int(sys.argv[2]), int(sys.argv[3]), settings.VAR / "edges")))  # noqa: T201  (read by the test)
    finally:
        hub.stop()
