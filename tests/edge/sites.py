"""A site with a real hub: an enrolled edge whose agent runs in this process, and whoever stands between the two."""

import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import httpx

from cc_edge import hub
from cc_edge.agent import Agent
from cc_edge.enrolment import enrol
from cc_edge.errors import Unreachable
from cc_edge.home import Home
from cc_edge.inference import load_active
from cc_edge.state import State
from deployments.actions import edge_server, rollout
from deployments.models import EdgeServer, ModelDeployment
from learning.actions import module
from tests import people
from tests.edge.bundles import LABELS, bundle_bytes, image
from tests.factories.deployments import released_version
from tests.factories.training_models import stored_bundle
from training.actions import model_version
from training.models import ModelVersion


class Meddler(httpx.BaseTransport):
    """Whoever stands between the agent and its hub: what `bend` answers is what the agent gets."""

    def __init__(self) -> None:
        self.network, self.bend = httpx.HTTPTransport(), None

    def handle_request(self, request):
        answer = self.network.handle_request(request)
        return (self.bend and self.bend(request, answer)) or answer

    def close(self) -> None:
        self.network.close()


class Trickle(httpx.SyncByteStream):
    """Bytes one by one, for ever."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause

    def __iter__(self):
        while True:
            yield b" " if self.pause else b" " * 65_536
            threading.Event().wait(self.pause)


def instead(part: str, content):
    """Answer `content` (bytes, or a stream) to every request whose path holds `part`."""

    def bend(request, answer):
        if part not in request.url.path:
            return None
        answer.close()
        return httpx.Response(200, stream=httpx.ByteStream(content) if isinstance(content, bytes) else content)

    return bend


class Site:
    """An enrolled edge with its agent in this process, and a released model that it runs."""

    def __init__(self, live_server, folder) -> None:
        self.folder, self.number = folder, 0
        self.digits = module.add("digits", by=people.ada(), name="Digits", task="classification", labels=LABELS)
        _, code, root = edge_server.add("edge-1", by=people.ada(), organization=people.acme(), modules=[self.digits])
        self.home, self.meddler = Home(folder / "edge"), Meddler()
        with hub.Hub(live_server.url) as door:
            enrol(self.home, door, code=code, root_sha256=root, name="edge-1")
        self.url, self.clock = live_server.url, lambda: datetime.now(UTC)
        self.deploy()
        assert self.round() == []

    def deploy(self):
        """Release the next version, of the edge's own organization, and assign it; every second one turns the answers round."""
        for old in ModelVersion.objects.filter(status="released").order_by("-released_at")[2:]:
            model_version.deprecate(old, by=people.ada(), reason="The plan has five.")
        self.number += 1
        kind = 1 if self.number % 2 else -1
        bundle = stored_bundle(bundle_bytes(self.folder, kind=kind))
        version = released_version(module=self.digits, version=f"{self.number}.0.0", bundle=bundle, organization=people.acme())
        return ModelDeployment.objects.get(rollout=rollout.start(version, by=people.ada()), edge_server__name="edge-1")

    def round(self) -> list[str]:
        """Answer what the agent refused in one round."""
        with (
            State(self.home.database, self.clock) as state,
            hub.Hub(self.url, self.home.key(), tries=1, transport=self.meddler) as door,
            httpx.Client(transport=self.meddler) as store,
        ):
            agent = Agent(self.home, state, door, store)
            with suppress(Unreachable):
                return agent.round().refused
            return [state.fact("last_refusal") or ""]

    def answer(self) -> tuple[str, str]:
        slot, model = load_active(self.home, "digits")
        return slot.version, model.answer(image(250)).value["label"]

    @contextmanager
    def attacked(self, sentence: str):
        """Hold that what the block does to the next deployment is refused so, told to the hub, and changes no answer."""
        before, deployment = self.answer(), self.deploy()
        yield deployment
        refused = " ".join(self.round())
        self.meddler.bend = None
        assert sentence in refused, (sentence, refused)
        told = EdgeServer.objects.get(name="edge-1").telemetry
        deployment.refresh_from_db()
        assert sentence in str(told) + deployment.error_message
        assert self.answer() == before
