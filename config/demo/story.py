"""The loop, step by step; each step is a short method that does it and answers when it is done."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.actions import access_key, organization, user
from accounts.models import Organization, Plan, Role, User
from config.demo import annotators, digits, ground, leftovers
from config.processes import Processes
from deployments.actions import edge_server, rollout
from deployments.models import EdgeServer, EdgeSlot, Rollout, RolloutState
from learning.actions import city, module
from learning.models import AiModule, HitlLabel, LearningSample
from training.actions import dataset, job, model_version, version
from training.models import (
    DatasetVersion,
    EvaluationMethod,
    JobStatus,
    ModelStatus,
    ModelVersion,
    TrainingDataset,
    TrainingJob,
    VersionState,
)

SENT = 1_500
WRONG = 45
FOLDS = 2  # the fewest: one more second
PATIENCE = 120
MODULE = "meter_digit"


class Broken(Exception):
    """A step of the story did not come out as it should."""


class Story:
    """One playing of the demo: people, a city, an edge server, and what happens between them."""

    def __init__(self, processes: Processes, say: Callable[[str], object]) -> None:
        self.processes = processes
        self.say = say
        self.folder = settings.VAR / "demo"
        self.edge_folder = self.folder / "edge-1"
        self.facts: dict[str, Any] = {}
        self.agent: subprocess.Popen[bytes] | None = None
        scans = digits.scans()
        self.sent, self.held_back = scans[:SENT], scans[SENT:]
        self.wrong = {scan.number for scan in self.sent[:: SENT // WRONG]}

    def play(self) -> dict[str, Any]:
        """Play it to the end and answer what happened; raises Broken with a sentence where a step fails."""
        started = time.monotonic()
        with self._step("the hub starts: web, two workers"):
            self.processes.start()
            self._people()
            self.processes.wait_ready()
        with self._step(
            f"{SENT:,} pictures of meters are sent by city_pune, {len(self.wrong)} of them labelled wrong on purpose"
        ):
            self._upload()
        with self._step("Ann and Al judge what is in the review queue"):
            self._judge()
        with self._step("a dataset version is frozen"):
            self.frozen = self._freeze()
        with self._step("a model is trained on it, and a worse one"):
            good, worse = self._train(self.frozen)
            self.good = good
        with self._step("Ada has it evaluated, Bo approves, Ada releases"):
            self._release(good)
        with self._step("edge-1 enrols, and the rollout reaches it"):
            self._enrol()
            self._roll_out(good, "active_after_rollout")
        with self._step(f"edge-1 answers on {len(self.held_back)} pictures nobody was shown"):
            self.facts["edge_accuracy"] = self._edge_accuracy()
        with self._step("the worse model is released and rolled out"):
            self._release(worse)
            second = self._roll_out(worse, "active_after_second_rollout")
            self.facts["edge_accuracy_second"] = self._edge_accuracy()
        with self._step("one click: back to the first"):
            self._roll_back(second)
            self.facts["edge_accuracy_after_rollback"] = self._edge_accuracy()
        self.facts["seconds"] = round(time.monotonic() - started, 1)
        self._judge_the_outcome()
        return self.facts

    def leave_work(self) -> dict[str, str]:
        """Leave something to do in every queue, and answer a link for each, by what it is for."""
        with self._step("and things are left to do in every queue"):
            waiting = self._model(self._job(self.frozen, "meter digits, wider", {"hidden_units": 96}))
            self._finish(model_version.evaluate(waiting, by=self.ada))
            return leftovers.leave(self, self.good, waiting)

    def start_agent(self) -> None:
        """Start edge-1's agent, in a process of its own."""
        if self.agent is None:
            command = [*self._client(), "run", "--dir", str(self.edge_folder), "--poll", "0.5"]
            with (self.folder / "agent.log").open("ab") as log:
                self.agent = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end_agent(self) -> None:
        """Ask edge-1's agent to end."""
        if self.agent is not None:
            self.agent.terminate()
            self.agent.wait(timeout=20)
            self.agent = None

    def _people(self) -> None:
        self.utility: Organization = organization.add("pune-water", by=None, name="Pune Water", plan=Plan.ENTERPRISE)
        ground.mark(self.utility)
        self.ada, self.bo, self.ann, self.al = (
            user.add(name, role=role, by=None, email=f"{name.lower()}@example.org")
            for name, role in (
                ("Ada", Role.SUPER_ADMIN),
                ("Bo", Role.SUPER_ADMIN),
                ("Ann", Role.ANNOTATOR),
                ("Al", Role.ANNOTATOR),
            )
        )
        self.module: AiModule = module.add(
            MODULE,
            by=self.ada,
            name="Meter digits",
            task="classification",
            labels=[str(digit) for digit in range(10)],
            accepts_unlabelled=True,
            reasons=["unreadable", "occluded", "wrong crop"],
            review_policy={"city_labels": "check", "check_share": 0.1},
        )
        self.pune = city.add("city_pune", by=self.ada, name="Pune", organization=self.utility, timezone="Asia/Kolkata")

    def _upload(self) -> None:
        digits.write_source(self.folder / "pune", self.sent, self.wrong)
        self.upload(self.folder / "pune")
        self.facts["samples_registered"] = LearningSample.objects.verified().count()

    def upload(self, source: Path) -> None:
        """Let city_pune's client send a folder; raises Broken unless all of it was registered."""
        key_file = self.folder / "pune.key"
        if not key_file.exists():
            key_file.touch(mode=0o600)
            key_file.write_text(self.key_of(self.pune.user))
        answer = self._run("upload", str(source), "--hub", self.processes.url, "--city", "city_pune", "--key-file", str(key_file),
                           "--state", str(self.folder / "uploader"))  # fmt: skip
        summary = json.loads(answer.splitlines()[-1])
        if summary["state"] != "registered" or summary["rejected"]:
            raise Broken(f"The batch is not wholly registered: {summary}")

    def _judge(self) -> None:
        truth = {scan.event_id: str(scan.digit) for scan in self.sent}
        tokens = [self.key_of(person) for person in (self.ann, self.al)]
        with ThreadPoolExecutor(len(tokens)) as pool:
            done = sum(pool.map(lambda token: annotators.work(self.processes.url, token, MODULE, truth), tokens))
        if not done:
            raise Broken("There was nothing to judge.")
        self.facts["decisions"] = done
        self.facts["labels"] = HitlLabel.objects.count()

    def _freeze(self) -> DatasetVersion:
        digits_set: TrainingDataset = dataset.add(by=self.ada, name="meter-digits", module=self.module)
        dataset.refresh(digits_set, by=self.ada)
        frozen = version.create(digits_set, by=self.ada, version="v1.0.0", seed=7, release_notes="The first day of Pune.")
        self._wait(
            lambda: self._state(frozen) == VersionState.FROZEN,
            "The version was not frozen",
            self._detail(frozen, "error_message"),
        )
        frozen.refresh_from_db()
        self.facts["dataset_version"] = str(frozen)
        self.facts["fingerprint"] = frozen.fingerprint
        return frozen

    def _train(self, frozen: DatasetVersion) -> tuple[ModelVersion, ModelVersion]:
        jobs = [
            self._job(frozen, "meter digits", {}, score_folds=FOLDS),
            self._job(frozen, "meter digits, hardly trained", {"hidden_units": 2, "max_epochs": 1}),
        ]
        good, worse = (self._model(one) for one in jobs)
        self.facts["model_version"] = str(good)
        self.facts["test_accuracy"] = good.accuracy
        self._count_found(good)
        return good, worse

    def _count_found(self, good: ModelVersion) -> None:
        """Say how many of the labels that are wrong on purpose, and that nobody corrected, are suspected out of fold."""
        folds = good.scorings.done().get(method=EvaluationMethod.FOLDS)
        wrong = {scan.event_id: str(scan.digit) for scan in self.sent if scan.number in self.wrong}
        learned = folds.outcomes.filter(sample__event_id__in=list(wrong)).values_list("sample__event_id", "truth", "doubt")
        doubts = [doubt for event, truth, doubt in learned if truth != wrong[event]]
        self.facts["wrong_labels"] = len(doubts)
        self.facts["wrong_labels_found"] = sum(doubt is not None for doubt in doubts)
        self.facts["suspected_labels"] = folds.outcomes.suspected().count()

    def _job(self, frozen: DatasetVersion, name: str, hyperparameters: dict[str, Any], **config: int) -> TrainingJob:
        return job.create(
            by=self.ada,
            name=name,
            module=self.module,
            dataset_version=frozen,
            trainer="mlp_classifier",
            hyperparameters=hyperparameters,
            training_config=config,
            seed=7,
        )

    def _model(self, one: TrainingJob) -> ModelVersion:
        self._finish(one)
        made = TrainingJob.objects.get(pk=one.pk).output_model_version
        if made is None:
            raise Broken(f"The job {one.name} made no model.")
        return made

    def _finish(self, one: TrainingJob) -> None:
        ended = {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}
        self._wait(lambda: self._state(one) in ended, f"The job {one.name} did not end", self._detail(one, "error_message"))
        if self._state(one) != JobStatus.COMPLETED:
            raise Broken(f"The job {one.name} is {self._state(one)}: {self._detail(one, 'error_message')()}")

    def _release(self, made: ModelVersion) -> None:
        self._finish(model_version.evaluate(made, by=self.ada))
        made.refresh_from_db()
        model_version.approve(made, by=self.bo, notes="Good enough for Pune.")
        made.refresh_from_db()
        model_version.release(made, by=self.ada, release_notes=f"{made.name}, {made.accuracy:.1%} on the test set.")
        made.refresh_from_db()
        if made.status != ModelStatus.RELEASED:
            raise Broken(f"{made} is {made.status}, not released.")

    def _enrol(self) -> None:
        edge, code, root_sha256 = edge_server.add("edge-1", by=self.ada, organization=self.utility, modules=[self.module])
        self.edge: EdgeServer = edge
        self._run("enrol", "--hub", self.processes.url, "--code", code, "--root-sha256", root_sha256, "--name", "edge-1",
                  "--dir", str(self.edge_folder))  # fmt: skip
        self.start_agent()

    def _roll_out(self, made: ModelVersion, fact: str) -> Rollout:
        one = rollout.start(made, by=self.ada)
        self._wait(
            lambda: self._state(one) == RolloutState.COMPLETED,
            "The rollout did not complete",
            self._detail(one, "stopped_because"),
        )
        self.facts[fact] = self._active(made)
        return one

    def _roll_back(self, second: Rollout) -> None:
        first = self.facts["active_after_rollout"]
        second.refresh_from_db()
        rollout.rollback(second, by=self.bo)
        self._wait(lambda: self._state(second) == RolloutState.ROLLED_BACK, "The rollback did not complete")
        self._wait(lambda: self._slot().active_version == first, f"edge-1 does not report {first}")
        self.facts["active_after_rollback"] = self._slot().active_version

    def _active(self, made: ModelVersion) -> str:
        self._wait(lambda: self._slot().active_version == made.version, f"edge-1 does not report {made.version}")
        return self._slot().active_version

    def _slot(self) -> EdgeSlot:
        return EdgeSlot.objects.get(edge_server=self.edge, module=self.module)

    def _edge_accuracy(self) -> float:
        pictures = self.folder / "held_back"
        digits.write_pictures(pictures, self.held_back)
        names = [str(pictures / f"{scan.event_id}.png") for scan in self.held_back]
        lines = self._run("infer", "--dir", str(self.edge_folder), "--module", MODULE, *names).splitlines()
        answers: dict[str, str] = {Path(answer["file"]).stem: answer["value"]["label"] for answer in map(json.loads, lines)}
        right = sum(answers.get(scan.event_id) == str(scan.digit) for scan in self.held_back)
        return round(right / len(self.held_back), 4)

    def _judge_the_outcome(self) -> None:
        facts = self.facts
        wanted = {
            "every picture is registered": facts["samples_registered"] == SENT,
            "the edge is right on at least 93 %": facts["edge_accuracy"] >= 0.93,
            "the second rollout changed the model": facts["active_after_second_rollout"] != facts["active_after_rollout"],
            "the second model is worse": facts["edge_accuracy_second"] < facts["edge_accuracy"],
            "the rollback brought the first back": facts["active_after_rollback"] == facts["active_after_rollout"],
            "and its answers": facts["edge_accuracy_after_rollback"] == facts["edge_accuracy"],
        }
        failed = [sentence for sentence, held in wanted.items() if not held]
        if failed:
            raise Broken(f"Not true at the end: {'; '.join(failed)}. {facts}")

    def key_of(self, holder: User | None) -> str:
        """Issue a key for a person or machine and answer its text."""
        if holder is None:
            raise Broken("There is nobody to give a key to.")
        return access_key.issue(holder, by=self.ada)[1]

    def _client(self) -> list[str]:
        return [str(Path(sys.executable).with_name("cc-edge"))]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._client(), *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode:
            raise Broken(f"cc-edge {arguments[0]} ended with {done.returncode}: {done.stderr[-2_000:]}{done.stdout[-500:]}")
        return done.stdout

    @staticmethod
    def _state(row: Any) -> str:
        value: str = type(row).objects.values_list(row.STATE_FIELD, flat=True).get(pk=row.pk)
        return value

    @staticmethod
    def _detail(row: Any, column: str) -> Callable[[], str]:
        return lambda: str(type(row).objects.values_list(column, flat=True).get(pk=row.pk))

    @staticmethod
    def _wait(done: Callable[[], bool], sentence: str, detail: Callable[[], str] = str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise Broken(f"{sentence} within {PATIENCE} s. {detail()}")
            time.sleep(0.1)

    @contextmanager
    def _step(self, sentence: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.say(f"  ✓ {sentence}  ({time.monotonic() - started:.1f} s)")
