"""Edge servers of a long test: agents that are processes, and models that are small but whole, on the hub whose database this process has."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from cc_edge.enrolment import enrol
from cc_edge.home import Home
from cc_edge.hub import Hub
from deployments.actions import edge_server
from deployments.models import EdgeServer, EdgeSlot
from learning.models import AiModule
from tests import people
from tests.edge.bundles import bundle_bytes
from tests.factories.deployments import released_version
from tests.factories.training_models import stored_bundle
from training.actions import model_version
from training.models import ModelVersion

PATIENCE = 90.0
RELEASED_AT_ONCE = 3
PROGRAM = [sys.executable, "-c", "import sys; from cc_edge.cli import main; sys.exit(main())"]


def until(done: Callable[[], Any], because: str) -> Any:
    """Wait for something to be true, and answer it."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := done()):
        if time.monotonic() > deadline:
            raise AssertionError(because)
        time.sleep(0.02)
    return answer


@dataclass
class Edge:
    """An enrolled edge with its folder; its agent is a process, where it runs."""

    name: str
    home: Home
    agent: "subprocess.Popen[bytes] | None" = None
    arguments: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *program: str) -> "subprocess.Popen[bytes]":
        """Start its agent, or another program in its place with the same arguments."""
        command = [*(program or PROGRAM), "run", "--dir", str(self.home.folder), "--poll", "0.1", *self.arguments]
        with (self.home.folder / "agent.log").open("ab") as log:
            self.agent = subprocess.Popen(
                command, cwd=settings.BASE_DIR, env={**os.environ, **self.environment}, stdout=log, stderr=log
            )
        return self.agent

    def end(self) -> None:
        """Ask its agent to end."""
        if self.agent is not None:
            self.agent.terminate()
            self.agent.wait(PATIENCE)
            self.agent = None

    def infer(self, module: str, image: Path, times: int = 1) -> dict[str, Any]:
        """Have it answer an image, so many times, in a process; answers the last line."""
        command = [*PROGRAM, "infer", "--dir", str(self.home.folder), "--module", module, *[str(image)] * times]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    @property
    def slot(self) -> EdgeSlot:
        """What the hub knows of its one module."""
        return EdgeSlot.objects.select_related("desired").get(edge_server__name=self.name)


def enrolled(name: str, module: AiModule, folder: Path, url: str, **facts: Any) -> Edge:
    """Add an edge server with a slot for `module`, and enrol a machine."""
    _, code, root = edge_server.add(name, by=people.ada(), organization=None, modules=[module])
    edge = Edge(name, Home(folder / name), **facts)
    with Hub(url) as door:
        enrol(edge.home, door, code=code, root_sha256=root, name=name)
    assert EdgeServer.objects.get(name=name).enrolled_at
    return edge


def released(module: AiModule, number: int, folder: Path, **options: Any) -> ModelVersion:
    """Release `<number>.0.0`; older ones than the last few are deprecated, so that the lists stay short."""
    (folder / "made").mkdir(exist_ok=True)
    content = bundle_bytes(folder / "made", module=module.slug, **options)
    for old in ModelVersion.objects.filter(status="released").order_by("-released_at")[RELEASED_AT_ONCE:]:
        model_version.deprecate(old, by=people.ada(), reason="Many came since.")
    version: ModelVersion = released_version(
        module=module, version=f"{number}.0.0", bundle=stored_bundle(content), organization=None
    )
    return version
