"""[annotate] next + submit over HTTP with a browser's session: one annotator, then eight processes at once on one queue.

`ROWS` is how many samples wait, on a hub where `DONE` judgements were made before: tables that are all but empty have other
plans. Who made them is then alone with samples that wait for somebody else's second judgement, and leases what is left for
them: that must cost no walk over their own work.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks._hub import cpu_seconds, load, own_hub, resident_mb

if TYPE_CHECKING:
    from accounts.models import User

ROWS = int(os.environ.get("ROWS", "50000"))
SECONDS = int(os.environ.get("SECONDS", "15"))
DONE = int(os.environ.get("DONE", "100000"))
PEER = 8.8


def main() -> None:
    with own_hub() as folder:
        from config.processes import Processes, free_port

        busy = _busy()
        _fill("vehicles", ROWS, {})
        hub = Processes(f"127.0.0.1:{free_port()}", folder / "logs", web_workers=2)
        hub.start("web")
        try:
            hub.wait_ready()
            began = time.perf_counter()
            web = hub.running["web"].pid
            one, eight = _work(hub.url, web, 1), _work(hub.url, web, 8)
            figures: dict[str, Any] = {
                "ours": eight["per_second"],
                "unit": "decisions/s",
                "one_annotator": one,
                "eight_annotators": eight,
                "handed_out_twice": _twice(),
                "rss_mb": resident_mb(web),
                "seconds": round(time.perf_counter() - began, 2),
            }
        finally:
            hub.stop()
        reference = {"reference": "Label Studio 1.23.2, 8 annotators", "reference_value": PEER}
        figures |= {**reference, "ratio": round(figures["ours"] / PEER, 1), "rows": ROWS, "alone": _alone(busy)}
        print(json.dumps({"name": "annotate", **figures, **load()}))


def _work(url: str, web: int, people: int) -> dict[str, float]:
    """Let so many people judge for SECONDS, each a process; answers their rate together, how long a decision took, and what the web used."""
    crowd = [_start(url, f"annotator-{people}-{number}") for number in range(people)]
    for process in crowd:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    used = cpu_seconds(web)
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    took = sorted(each for process in crowd for each in json.loads(process.communicate()[0]))
    return {
        "per_second": round(len(took) / SECONDS, 1),
        "median_ms": round(statistics.median(took), 2),
        "p95_ms": took[int(len(took) * 0.95)],
        "web_cpu_ms": round(1_000 * (cpu_seconds(web) - used) / len(took), 2),
    }


def _start(url: str, name: str) -> "subprocess.Popen[str]":
    from django.test import Client

    from accounts.models import Role, User

    browser = Client()
    browser.force_login(User.objects.create(name=name, email=f"{name}@example.org", role=Role.ANNOTATOR))
    command = [sys.executable, "-m", "benchmarks._annotator", url, browser.cookies["sessionid"].value, str(SECONDS)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _busy() -> "User":
    """Answer a person who judged DONE samples, each of which waits for somebody else's judgement."""
    from accounts.models import Role, User

    ann = User.objects.create(name="alone", email="alone@example.org", role=Role.ANNOTATOR)
    _fill("plates", DONE, {"overlap": 2}, judged_by=ann)
    return ann


def _twice() -> int:
    """Count the samples that were judged more than once, or by two people."""
    from learning.models import HitlLabel

    judged = Counter(HitlLabel.objects.filter(sample__module__slug="vehicles").values_list("sample", flat=True))
    return sum(1 for times in judged.values() if times > 1)


def _alone(ann: "User") -> dict[str, Any]:
    """Lease and give back with DONE samples that wait for anybody else; answers how long a lease takes."""
    from django.db import connection
    from django.utils import timezone

    from learning.actions import hand
    from learning.actions.claiming import claim
    from learning.models import AiModule, ReviewSlot

    _fill("plates", 1_000, {"overlap": 2})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE review_slots" if connection.vendor == "postgresql" else "ANALYZE")
    plates, took = AiModule.objects.get(slug="plates").pk, []
    for _ in range(500):
        now = timezone.now()
        began = time.perf_counter()
        assert claim(plates, "judge", ann.pk, now=now, until=hand.lease_end(now))
        took.append(1_000 * (time.perf_counter() - began))
        ReviewSlot.objects.filter(lease_user=ann, state="leased").update(state="done")
    took.sort()
    return {"done": DONE, "claim_median_ms": round(statistics.median(took), 2), "claim_p95_ms": round(took[475], 2)}


def _fill(slug: str, count: int, policy: dict[str, Any], judged_by: Any = None) -> None:
    """Write `count` samples with an image and an open slot each by core.bulk; where `judged_by` judged them, with both slots."""
    from django.db import connection, transaction

    from core.bulk import take_keys, write
    from core.ids import new_id
    from learning.actions import city, module
    from learning.models import AiModule, Camera, City, HitlLabel, LearningSample, ReviewSlot, StoredObject
    from learning.models.review import queue_key

    terms = {"city_labels": "review", "first_check_share": 0, "later_check_share": 0, **policy}
    of = AiModule.objects.filter(slug=slug).first() or module.add(
        slug, by=None, name=slug, task="detection", labels=["car", "bus"], review_policy=terms
    )
    pune = City.objects.filter(slug="city_pune").first() or city.add("city_pune", by=None)
    camera = Camera.objects.get_or_create(city=pune, camera_id="cam")[0]
    start, at = LearningSample.objects.count(), datetime(2026, 11, 20, tzinfo=UTC)
    names = [f"s-{start + number}" for number in range(count)]
    objects = [new_id() for _ in names]
    with transaction.atomic():
        keys = take_keys(LearningSample, count)
        files = [f"{each}.jpg" for each in objects]
        write(
            StoredObject,
            count,
            {
                "id": objects,
                "name": files,
                "kind": "image",
                "sha256": "0" * 64,
                "size": 40_000,
                "media_type": "image/jpeg",
                "width": 1920,
                "height": 1080,
                "verified_at": at,
            },
        )
        write(
            LearningSample,
            count,
            {
                "id": keys,
                "sample_id": names,
                "event_id": names,
                "group_key": names,
                "module_id": of.pk,
                "city_id": pune.pk,
                "camera_id": camera.pk,
                "object_id": objects,
                "captured_at": at,
                "state": "pending",
                "prediction": {"boxes": [{"label": "car", "bbox": [10, 10, 100, 50]}]},
                "confidence": 0.83,
            },
        )
        slot = {"sample_id": keys, "module_id": of.pk, "queue_key": queue_key(of.pk, "judge")}
        if judged_by:
            labels, said = take_keys(HitlLabel, count), {"label_status": "correct", "decision": "correct", "labeled_at": at}
            by = {"annotator_id": judged_by.pk, "city_id": pune.pk, "schema_id": of.schema.pk}
            write(HitlLabel, count, {"id": labels, "label_id": names, "sample_id": keys, **said, **by})
            done = {"state": "done", "lease_user_id": judged_by.pk, "lease_until": at, "label_id": labels}
            write(ReviewSlot, count, {**slot, "id": take_keys(ReviewSlot, count), "slot_no": 1, **done})
        number, judges = (2, str(judged_by.pk)) if judged_by else (1, "")
        write(ReviewSlot, count, {**slot, "id": take_keys(ReviewSlot, count), "slot_no": number, "judged_by": judges})
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
