"""Photos of plates of which a tenth was misread, judged by people with known errors: the hub's figures are those of a recount.

The photos are those of ../shared/data/plates-openalpr, or of the folder CC_DATA; without them there is nothing to bring.
"""

import csv
import json
import math
import os
import random
import threading
import time
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.long import quality_recount
from tests.long.bringing import Bringer, announced
from tests.long.crowd import Crowd, Eyes, begun, differences, told_figures
from tests.long.eight_annotator import UNSURE, misread
from tests.long.rules.rows import Hub, connect

pytestmark = pytest.mark.long
DATA = Path(os.environ.get("CC_DATA", settings.BASE_DIR.parent / "shared" / "data")) / "plates-openalpr"
REGIONS = ("eu", "us", "br")
ERRORS = {"ann": 0.02, "al": 0.05, "bea": 0.08, "cal": 0.12, "dee": 0.18, "eli": 0.25}
SENIORS, SENIOR_ERRORS = ("rhea", "sol"), 0.02
CHECKED, GOLD_SHARE, GOLDS = 0.2, 0.4, 20
POLICY = {
    "city_labels": "review",
    "overlap": 3,
    "first_check_share": CHECKED,
    "later_check_share": CHECKED,
    "gold_threshold": 0,
    "gold_min": 10_000,
}
PATIENCE = 15 * 60.0
WAITING = "SELECT COUNT(*) FROM review_slots WHERE state IN ('open', 'leased')"


class PlateBringer(Bringer):
    """A city that brings photos with what its model read on each."""

    read: dict[str, dict[str, Any]]

    def _item(self, event: str, content: bytes, media_type: str) -> dict[str, Any]:
        version = f"1.{int(event[-1], 36) % 2}.0"
        model = {"predicted_by": {"model": "alpr", "version": version}, "confidence": 0.8}
        return {**super()._item(event, content, media_type), "prediction": self.read[event], **model}


def photos(region: str) -> dict[str, tuple[Path, str]]:
    """Answer the photos of a region and what is written on their plates, by event."""
    found = {}
    for note in sorted((DATA / "endtoend" / region).glob("*.txt")):
        name, *_box, plate = note.read_text().splitlines()[0].split("\t")
        found[f"{region}-{note.stem}"] = (note.with_name(name), plate)
    if region == "us":
        with (DATA / "seg_and_ocr" / "groundtruth.csv").open() as listed:
            for row in csv.DictReader(listed, fieldnames=("file", "region", "plate")):
                found[f"crop-{Path(row['file']).stem}"] = (DATA / "seg_and_ocr" / "usimages" / row["file"], row["plate"])
    return {event: (photo, plate) for event, (photo, plate) in found.items() if photo.is_file() and len(plate) > 1}


@pytest.fixture
def crowd(own_hub, tmp_path):
    """The hub with all photos verified, and people who know what is on them; a tenth of what the model read is wrong."""
    if not DATA.is_dir():
        pytest.skip(f"There are no photos in {DATA}.")
    (tmp_path / "schema.json").write_text(json.dumps({"text": {"normalise": "plate"}, "review_policy": POLICY}))
    own_hub.manage("addmodule", "plates", "--task", "text", "--schema", tmp_path / "schema.json", "--json")
    roles = {**dict.fromkeys(ERRORS, "annotator"), **dict.fromkeys([*SENIORS, "vera"], "reviewer"), "ada": "super_admin"}
    plain = {"module": "plates", "known": str(tmp_path / "known.json")}
    people = {name: {**plain, "errors": errors, "kinds": ["judge"]} for name, errors in ERRORS.items()}
    people |= {name: {**plain, "errors": SENIOR_ERRORS, "kinds": ["dispute", "check"]} for name in SENIORS}
    crowd = begun(own_hub, roles, people)
    known = {event: {"text": plate} for region in REGIONS for event, (_, plate) in photos(region).items()}
    (tmp_path / "known.json").write_text(json.dumps(known))
    dice = random.Random(os.environ.get("SEED", "known errors"))
    wrong = set(dice.sample(sorted(known), len(known) // 10))
    for region in REGIONS:
        own_hub.manage("addcity", f"city_{region}", "--json")
        key = own_hub.manage("issuekey", f"city_{region}", "--json")["key"]
        with PlateBringer(crowd.url, key, f"city_{region}", "plates") as bringer:
            files = {event: (photo, photo.read_bytes()) for event, (photo, _) in photos(region).items()}
            bringer.read = {event: misread(known[event], dice) if event in wrong else known[event] for event in files}
            bringer.bring({event: (content, announced(photo, content)) for event, (photo, content) in files.items()})
    own_hub.inside("verified")
    yield crowd, known, wrong
    crowd.kill_all()


def pass_by(crowd: Crowd, eyes: Eyes, known: dict[str, Any]) -> None:
    """Return when nothing waits any more; once some is settled, a part of it is gold."""
    deadline, has_gold = time.monotonic() + PATIENCE, False
    while eyes.number(WAITING) or not has_gold:
        assert time.monotonic() < deadline
        crowd.check_alive()
        if not has_gold and eyes.number("SELECT COUNT(*) FROM learning_samples WHERE state = 'settled'") > 2 * GOLDS:
            with crowd.coffee_break():
                mix_gold(crowd, eyes, known)
            has_gold = True
        threading.Event().wait(0.2)


def mix_gold(crowd: Crowd, eyes: Eyes, known: dict[str, Any]) -> None:
    settled = eyes.rows("SELECT sample_id, event_id, truth FROM learning_samples WHERE state = 'settled' ORDER BY id")
    right = [sample for sample, event, truth in settled if _plain(truth) == known[event]][:GOLDS]
    told = [crowd.browser("vera").send("POST", "/api/v1/learning/gold", {"sample_id": sample})[0] for sample in right]
    assert set(told) <= {201, 409}
    assert told.count(201) > GOLDS // 2
    terms = {"terms": {"gold_share": GOLD_SHARE}, "reason": "there is gold now"}
    assert crowd.browser("ada").send("PATCH", "/api/v1/learning/modules/plates/policy", terms)[0] == 200


def test_truth_and_figures_are_those_of_a_recount(own_hub, crowd):
    crowd, known, wrong = crowd
    eyes = Eyes(crowd.address)
    for name in crowd.people:
        crowd.start(name)
    pass_by(crowd, eyes, known)
    crowd.send_home()
    own_hub.inside("count_all")
    connection = connect(crowd.address)
    hub = Hub(connection)
    connection.close()
    told, recounted = told_figures(crowd.browser("vera"), eyes, "plates"), quality_recount.figures(crowd.address, "plates")
    errors = settled_errors(eyes, known)
    report(hub, recounted, errors, len(wrong))
    assert [str(each) for each in eyes.findings(live=False) if each.broken] == []
    assert differences(told, recounted) == []
    n, expected = len(errors), expected_error()
    assert abs(sum(errors) - n * expected) <= 4.5 * math.sqrt(n * expected * (1 - expected)) + 1


def settled_errors(eyes: Eyes, known: dict[str, Any]) -> list[bool]:
    """Tell of each settled sample whether its truth is wrong."""
    rows = eyes.rows("SELECT event_id, truth FROM learning_samples WHERE state = 'settled'")
    return [_plain(truth) != known[event] for event, truth in rows]


def expected_error() -> float:
    """Answer how much of the truth is to be expected wrong: by enumeration of what three people say, over all three of them."""
    trios = list(combinations(ERRORS.values(), 3))
    return sum(map(_expected_of, trios)) / len(trios)


def _expected_of(errors: tuple[float, ...]) -> float:
    """Two readings are wrong, and equally likely; a reviewer settles disputes, and sees some of what was agreed on."""
    agreed_wrong, disputed = 0.0, 1 - (1 - UNSURE) ** 3
    for said in product(("right", "one", "other"), repeat=3):
        chance = (1 - UNSURE) ** 3 * math.prod(
            1 - e if each == "right" else e / 2 for each, e in zip(said, errors, strict=True)
        )
        if len(set(said)) == 3:
            disputed += chance
        elif said.count("right") < 2:
            agreed_wrong += chance
    seen = 1 - (1 - CHECKED) ** 3
    return agreed_wrong * (1 - seen * (1 - SENIOR_ERRORS)) + disputed * SENIOR_ERRORS


def report(hub: Hub, recounted: dict[str, Any], errors: list[bool], wrong: int) -> None:
    """Print what was found beside what was to be expected."""
    lines = [f"{len(hub.samples)} photos, {wrong} misread by the model; {len(hub.labels)} judgements, cities' included"]
    names = {row["id"]: row["name"] for row in hub.rows["users"]}
    for person, row in sorted(recounted["people"].items()):
        shares = {name: f"{hits}/{n}" for name, (hits, n) in ((name, row[name]) for name in quality_recount.SHARES)}
        lines.append(
            f"{names[person]:5} error {ERRORS.get(names[person], SENIOR_ERRORS):.2f}, judged {row['judged']}: {shares}"
        )
    lines += [f"agreement {recounted['agreement']}", f"corrections {recounted['corrections']}"]
    lines += [f"characters misread by the model {recounted['predicted_characters']}"]
    share = sum(errors) / len(errors)
    lines += [
        f"of {len(errors)} settled samples {sum(errors)} have a wrong truth: {share:.2%}; expected {expected_error():.2%}"
    ]
    print("\n".join(lines))  # noqa: T201  (shown by pytest -s)


def _plain(truth: Any) -> Any:
    return json.loads(truth) if isinstance(truth, str) else truth
