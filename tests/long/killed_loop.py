"""The demo's story with a power cut at every step: `python -m tests.long.killed_loop BIND`, on a hub of its own."""
# ruff: noqa: E402  (Django is set up before its models are imported)

import json
import os
import subprocess
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings

from config.demo import digits
from config.demo.story import Story
from config.processes import Processes
from deployments.actions import rollout
from deployments.models import DeploymentStatus, ModelDeployment
from learning.models import BatchState, LearningSample, StoredObject, UploadBatch
from training import trust
from training.models import ModelVersion, RunState, TrainingRun

SENT, HELD_BACK = 400, 100


class KilledStory(Story):
    """Kills web, worker, trainer and agent, one after the other, each in the middle of its work."""

    def play(self) -> dict[str, Any]:
        self.sent, self.held_back = self.sent[:SENT], self.held_back[:HELD_BACK]
        trust.init()
        self.processes.start()
        self._people()
        self.processes.wait_ready()
        self._upload_through_two_kills()
        self._judge()
        self.frozen = self._freeze()
        good = self._train_through_a_kill()
        self._release(good)
        self._enrol()
        self._deploy_through_a_kill(good)
        self.facts["edge_accuracy"] = self._edge_accuracy()
        self.facts["models"] = ModelVersion.objects.count()
        self.facts["completed_deployments"] = ModelDeployment.objects.filter(status=DeploymentStatus.COMPLETED).count()
        self.facts["runs"] = list(
            TrainingRun.objects.filter(job__kind="train").order_by("attempt").values_list("state", flat=True)
        )
        return self.facts

    def _upload_through_two_kills(self) -> None:
        source = self.folder / "pune"
        digits.write_source(source, self.sent, set())
        key_file = self.folder / "pune.key"
        key_file.write_text(self.key_of(self.pune.user))
        arguments = ["upload", str(source), "--hub", self.processes.url, "--city", "city_pune", "--key-file", str(key_file)]
        client = subprocess.Popen(
            [*self._client(), *arguments, "--state", str(self.folder / "uploader")], stdout=subprocess.DEVNULL
        )
        self._wait(LearningSample.objects.exists, "no sample came in")
        self._cut("web")
        self.processes.wait_ready()
        self._wait(lambda: UploadBatch.objects.exclude(state=BatchState.OPEN).exists(), "the batch was not sealed")
        self._cut("default")
        client.wait(300)
        if client.returncode:  # it had given up; what cron does then
            self.upload(source)
        self.facts["samples"] = LearningSample.objects.verified().count()
        self.facts["events"] = LearningSample.objects.values("event_id").distinct().count()
        self.facts["images"] = StoredObject.objects.filter(kind="image").count()

    def _train_through_a_kill(self) -> ModelVersion:
        one = self._job(self.frozen, "meter digits", {})
        self._wait(lambda: TrainingRun.objects.filter(state=RunState.RUNNING).exists(), "the job was not begun")
        self._cut("training")
        return self._model(one)

    def _deploy_through_a_kill(self, good: ModelVersion) -> None:
        begun = rollout.start(good, by=self.ada)
        reported = ModelDeployment.objects.exclude(status=DeploymentStatus.PENDING)
        self._wait(reported.exists, "the agent did not begin")
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait()
        self.agent = None
        self.start_agent()
        self._wait(lambda: self._state(begun) == "completed", "the rollout did not complete")
        self.facts["active"] = self._active(good)

    def _cut(self, name: str) -> None:
        self.processes.kill(name)
        self.processes.start(name)


if __name__ == "__main__":
    hub = Processes(sys.argv[1], settings.VAR / "log", {"PUBLIC_URL": settings.PUBLIC_URL})
    story = KilledStory(hub, say=lambda sentence: None)
    try:
        print(json.dumps(story.play(), default=str))  # noqa: T201  (read by the test)
    finally:
        story.end_agent()
        hub.stop()
