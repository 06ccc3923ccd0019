"""Near-duplicates among real photos: portraits in two sizes are found, and no number plate is claimed to be another one.

The photos are those of ../shared/data, or of the folder CC_DATA: faces-congress, plates-lprnet-cn and plates-openalpr.
"""

import hashlib
import os
import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest
from django.conf import settings

from cc_edge.stripping import strip
from learning import decoding
from tests.long.bringing import announced, bringer_of, files_below

pytestmark = pytest.mark.long
DATA = Path(os.environ.get("CC_DATA", settings.BASE_DIR.parent / "shared" / "data"))
PICTURES = {".jpg", ".jpeg", ".png"}


def pictures(name):
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"There are no photos in {folder}.")
    return [path for path in files_below(folder) if path.suffix.lower() in PICTURES]


def looks_of(paths):
    """The fingerprint of each file, and nothing of those that are the same bytes as one before."""
    found, seen = {}, set()
    for path in paths:
        content = strip(path.read_bytes()).content
        if (digest := hashlib.sha256(content).digest()) not in seen:
            seen.add(digest)
            found[path] = decoding.look(content, media_type="", max_pixels=50_000_000).fingerprint
    return {path: look for path, look in found.items() if look is not None}


def near_pairs(looks):
    return {(one, other) for one, other in combinations(looks, 2) if looks[one].is_near(looks[other])}


def test_each_portrait_is_found_in_its_other_size_and_in_nobody_elses(capsys):
    looks = looks_of(pictures("faces-congress"))
    people = defaultdict(list)
    for path in looks:
        people[path.parent].append(path)
    true = {pair for paths in people.values() for pair in combinations(sorted(paths), 2)}
    claimed = {tuple(sorted(pair)) for pair in near_pairs(looks)}
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(looks)} portraits, {len(true)} pairs, {len(claimed & true)} found, {len(claimed - true)} false\n"
        )
    assert claimed == true
    assert len(true) > 100


@pytest.mark.parametrize("name", ["plates-lprnet-cn", "plates-openalpr"])
def test_no_plate_is_claimed_to_be_another(name, capsys):
    looks = looks_of(pictures(name))
    claimed = near_pairs(looks)
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {len(looks)} files, {len(claimed)} claimed\n")
    assert not claimed
    assert len(looks) > 150


def test_portraits_share_a_group_by_index_whichever_batch_brings_them(own_hub, tmp_path):
    """The small ones in a first batch, the large ones in a second: by the protocol, two workers, and the index."""
    paths = sorted(pictures("faces-congress"), key=lambda path: path.stat().st_size)
    half = len(paths) // 2
    names = {f"{path.parent.name}-{number}": path for number, path in enumerate(paths)}
    hub = own_hub.processes
    hub.start("web", "default")
    hub.wait_ready()
    with bringer_of(own_hub, tmp_path) as client:
        events = list(names)
        for part in (events[:half], events[half:]):
            contents = {event: strip(names[event].read_bytes()).content for event in part}
            client.bring({event: (content, announced(names[event], content)) for event, content in contents.items()})
            own_hub.inside("verified")
    groups = own_hub.inside("groups")
    assert len(groups) == len(names)
    of_person = defaultdict(set)
    for event, group in groups.items():
        of_person[names[event].parent].add(group)
    assert {len(found) for found in of_person.values()} == {1}, "one group a person"
    assert len(set(groups.values())) == len(of_person), "and no group of two people"
