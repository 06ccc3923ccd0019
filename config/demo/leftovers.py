"""What the demo leaves to do, so that whoever looks at it for ten minutes finds something in every queue."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from PIL import Image

from accounts.actions import invitation, user
from accounts.models import Role
from config.demo import annotators
from config.demo.digits import SIDE, Scan
from deployments import reports
from deployments.actions import deployment, edge_server, rollout
from deployments.models import EdgeServer, EdgeSlot, ModelDeployment, Rollout
from learning.actions import erasure, module, summary
from learning.models import Erasure, LearningSample, SubjectKind
from training.models import ModelVersion

if TYPE_CHECKING:
    from config.demo.story import Story

READING = "meter_reading"
PLACES = 5
READINGS = 12
UNJUDGED = 40


def leave(story: "Story", good: ModelVersion, waiting: ModelVersion) -> dict[str, str]:
    """Fill every queue and answer the links, by what they are for; each works once, as the role it is for."""
    rhea = user.add("Rhea", role=Role.REVIEWER, by=story.ada, email="rhea@example.org")
    olga = user.add("Olga", role=Role.ORGANIZATION_ADMIN, by=story.ada, email="olga@example.org", organization=story.utility)
    _send_unjudged(story)
    _add_readings(story)
    _send_readings(story, range(1))
    _disagree(story)  # there is one reading so far, so both get the same
    _send_readings(story, range(1, READINGS))
    paused = _pause_after_canary(story, good)
    _ask_to_erase(story)
    summary.refresh()  # beat does so every five minutes; the figures shall stand there at once
    summary.count_storage()
    places = {
        "label ten": (story.ann, "/review/meter_digit/"),
        "settle": (rhea, f"/review/{READING}/?kind=dispute"),
        "approve": (story.bo, f"/models/{waiting.pk}/"),
        "resume": (story.ada, f"/rollouts/{paused.pk}/"),
        "who made this model?": (olga, f"/models/{good.pk}/"),
    }
    return {purpose: invitation.invite(person, by=story.ada, leads_to=page) for purpose, (person, page) in places.items()}


def _send_unjudged(story: "Story") -> None:
    """Digits that nobody labelled: the review queue of `meter_digit`."""
    folder = story.folder / "unjudged"
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for scan in story.held_back[:UNJUDGED]:
        scan.image().save(folder / f"{scan.event_id}.png")
        lines.append(_line(f"{scan.event_id}-unjudged", f"{scan.event_id}.png", "meter_digit", {"label": str(scan.digit)}))
    (folder / "samples.jsonl").write_text("".join(lines))
    story.upload(folder)


def _add_readings(story: "Story") -> None:
    """Add a module of text: two people read each meter."""
    module.add(
        READING,
        by=story.ada,
        name="Meter readings",
        task="text",
        labels=[str(digit) for digit in range(10)],
        text={"pattern": rf"[0-9]{{{PLACES}}}", "max_length": PLACES},
        reasons=["unreadable", "occluded", "wrong crop"],
        review_policy={"overlap": 2, "city_labels": "review"},
        accepts_unlabelled=True,
    )


def _send_readings(story: "Story", numbers: range) -> None:
    """Five digits side by side make a meter's reading, with a box for each and the text; every third is misread."""
    folder = story.folder / f"readings-{numbers.start}"
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in numbers:
        scans = story.held_back[number * PLACES : (number + 1) * PLACES]
        _compose(scans).save(folder / f"reading-{number}.png")
        lines.append(_line(f"reading-{number}", f"reading-{number}.png", READING, _read(scans, misread=number % 3 == 0)))
    (folder / "samples.jsonl").write_text("".join(lines))
    story.upload(folder)


def _compose(scans: Sequence[Scan]) -> Image.Image:
    meter = Image.new("L", (SIDE * len(scans), SIDE))
    for place, scan in enumerate(scans):
        meter.paste(scan.image(), (place * SIDE, 0))
    return meter.resize((meter.width * 3, meter.height * 3), Image.Resampling.NEAREST)


def _read(scans: Sequence[Scan], *, misread: bool) -> dict[str, Any]:
    digits = [scan.digit for scan in scans]
    if misread:
        digits[-1] = (digits[-1] + 1) % 10
    side = SIDE * 3
    boxes = [{"label": str(digit), "bbox": [place * side, 0, side, side]} for place, digit in enumerate(digits)]
    return {"text": "".join(map(str, digits)), "boxes": boxes}


def _line(event_id: str, file: str, ai_module: str, prediction: dict[str, Any]) -> str:
    item = {
        "event_id": event_id,
        "camera_id": "meter-cam-9",
        "ai_module": ai_module,
        "file": file,
        "captured_at": datetime.now(UTC).isoformat(),
        "confidence": 0.6,
        "image_quality_score": 0.9,
        "prediction": prediction,
        "predicted_by": {"model": ai_module, "version": "0.0.1"},
    }
    return json.dumps(item) + "\n"


def _disagree(story: "Story") -> None:
    """Ann takes the misread one as it is, Al reads it rightly: a dispute for Rhea."""
    for person, right in ((story.ann, False), (story.al, True)):
        annotators.judge_one(story.processes.url, story.key_of(person), READING, right=right)


def _pause_after_canary(story: "Story", good: ModelVersion) -> Rollout:
    """Three more edges: the canary is done and the rollout waits; one edge has drifted, one is silent."""
    edges = [_edge(story, f"edge-{number}") for number in (2, 3, 4)]
    plan = {"waves": [{"count": 1}, {"share": 1.0}]}
    begun = rollout.start(good, by=story.ada, edges=edges, plan=plan)
    rollout.pause(begun, by=story.ada, reason="The canary is on; look at its answers before the others get it.")
    canary = ModelDeployment.objects.open().select_related("edge_server__user").get(rollout=begun, wave__number=1)
    done = reports.heard(attempt=canary.attempt, seq=1, status="completed", at=timezone.now(), progress_percent=100)
    deployment.report(canary, [done], by=canary.edge_server.user)
    _tell(canary.edge_server, good.version)
    drifting, silent = (edge for edge in edges if edge.pk != canary.edge_server_id)
    _tell(drifting, "0.0.1")
    _tell(silent, "")
    # a demo cannot wait a week: these two moments are set back by hand
    long_ago = timezone.now() - timedelta(days=7)
    EdgeSlot.objects.filter(edge_server=drifting).update(desired=good, desired_at=long_ago)
    EdgeServer.objects.filter(pk=silent.pk).update(last_seen_at=long_ago)
    return begun


def _ask_to_erase(story: "Story") -> None:
    """Ask for the erasure of one meter's reading, five days ago: it is due in two."""
    readings = LearningSample.objects.filter(module__slug=READING, prediction__isnull=False)
    read: Any = readings.order_by("id").values_list("prediction", flat=True)[0]
    asked = erasure.draft(SubjectKind.PLATE, {"plate": read["text"]}, by=story.ada, reference="demo-1")
    now = timezone.now()  # a demo cannot wait: these two moments are set back by hand
    Erasure.objects.filter(pk=asked.pk).update(requested_at=now - timedelta(days=5), due_at=now + timedelta(days=2))


def _edge(story: "Story", name: str) -> EdgeServer:
    edge, code, _ = edge_server.add(name, by=story.ada, organization=story.utility, modules=[story.module])
    key = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
    edge_server.enrol(code, key, name, {"system": "linux", "machine": "x86_64"}, key_prefix=secrets.token_hex(6))
    return edge


def _tell(edge: EdgeServer, version: str) -> None:
    heard = edge_server.SlotReport(module="meter_digit", active_version=version)
    edge_server.heartbeat(edge, edge_server.Heartbeat(slots=[heard], edge_version="0.1.0"), by=edge.user)


def write(path: Path, facts: dict[str, Any], links: dict[str, str]) -> None:
    """Add the links to what the demo says of itself."""
    path.write_text(json.dumps({**facts, "links": links}, indent=2) + "\n")
