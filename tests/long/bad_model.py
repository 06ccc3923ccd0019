"""Bad models on a small fleet whose agents are processes and answer images all the time: `python -m tests.long.bad_model BIND`."""
# ruff: noqa: E402  (Django is set up before its models are imported)

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings

from accounts.models import Event
from config.processes import Processes
from deployments.actions import rollout
from deployments.models import EdgeTelemetry, ModelDeployment, Rollout
from learning.actions import module
from tests import people
from tests.edge.bundles import LABELS, image
from tests.long import edges
from training import trust

ENDED = {"completed", "paused", "aborted", "rolled_back"}
IMAGES = 20
PLAN = {
    "waves": [{"count": 1, "name": "canary"}, {"share": 1.0}],
    "health": {"p95_ratio": 1.5, "min_images": IMAGES},
    "reaction": "roll_back",
}


class Fleet:
    """Three edges that run a good model, and have measured it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.module = module.add("digits", by=people.ada(), name="Digits", task="classification", labels=LABELS)
        self.edges = [edges.enrolled(f"edge-{number}", self.module, folder, url) for number in (1, 2, 3)]
        self.image = folder / "light.png"
        self.image.write_bytes(image(250))
        self.answers: set[tuple[str, str]] = set()

    def answer(self) -> set[tuple[str, str]]:
        """Have each edge answer images, as its site does all day; answers what runs where, and what it said."""
        said = set()
        for edge in self.edges:
            answer = edge.infer("digits", self.image, IMAGES)
            assert answer["value"] == {"label": "light"}, answer
            said.add((edge.name, answer["version"]))
        self.answers |= said
        return said

    def roll_out(self, number: int, plan: dict[str, Any] | None = None, **options: Any) -> Rollout:
        version = edges.released(self.module, number, self.folder, kind=1, **options)
        return rollout.start(version, by=people.ada(), plan=plan)

    def ends(self, begun: Rollout) -> dict[str, Any]:
        """Let the sites answer until the rollout has ended by itself, and tell how."""

        def has_ended() -> bool:
            self.answer()
            begun.refresh_from_db()
            return begun.state in ENDED

        edges.until(has_ended, "the rollout goes on and on")
        runs = edges.until(lambda: self.in_step() and self.answer(), "an edge does not run what it shall")
        installs = ModelDeployment.objects.filter(rollout=begun, action="install")
        by = Event.objects.about("deployments.rollout", begun.pk).filter(verb="rollback").values_list("actor_name", flat=True)
        return {
            "state": begun.state,
            "because": begun.stopped_because,
            "by": list(by),
            "waves_opened": begun.waves.filter(opened_at__isnull=False).count(),
            "offered": installs.filter(offered_at__isnull=False).count(),
            "went_to_it": len({name for name, version in self.answers if version == begun.model_version.version}),
            "runs": sorted(version for _, version in runs),
        }

    def in_step(self) -> bool:
        slots = [edge.slot for edge in self.edges]
        return all(slot.desired is not None and slot.desired.version == slot.active_version for slot in slots)


def play(hub: Processes, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    trust.init()
    fleet = Fleet(hub.url, folder)
    try:
        for edge in fleet.edges:
            edge.start()
        begun = fleet.roll_out(1)
        edges.until(fleet.in_step, "the good model does not arrive")
        edges.until(lambda: fleet.answer() and EdgeTelemetry.objects.count() == len(fleet.edges), "nothing was measured")
        return {
            "good": fleet.ends(begun),
            "wrong": fleet.ends(fleet.roll_out(2, PLAN, golden_of=-1)),
            "slow": fleet.ends(fleet.roll_out(3, PLAN, slow=True)),
            "as good": fleet.ends(fleet.roll_out(4, {**PLAN, "health": {"min_images": IMAGES, "error_rise": 0.1}})),
        }
    finally:
        for edge in fleet.edges:
            edge.end()


if __name__ == "__main__":
    hub = Processes(sys.argv[1], settings.VAR / "log", {"PUBLIC_URL": settings.PUBLIC_URL})
    try:
        hub.start("web", "default")
        hub.wait_ready()
        print(json.dumps(play(hub, settings.VAR / "edges")))  # noqa: T201  (read by the test)
    finally:
        hub.stop()
