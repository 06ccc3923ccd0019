"""The notebook for data scientists, run on a version that was pulled from the hub."""

import pytest

from accounts.actions import access_key
from accounts.models import Role
from core.canonical import canonical_sha256
from learning.models import LearningSample
from tests import people
from tests.edge.live import run, serve_store_at
from tests.edge.notebooks import cells_of, run_notebook
from tests.factories import training as make
from tests.factories.accounts import MachineFactory

pytestmark = pytest.mark.django_db(transaction=True)

THEN = """
first, said = train[0]
print(json.dumps({
    "members": len(frame), "balance": balance["All"].to_dict(), "cities": list(by_city.index), "train": len(train),
    "shape": list(first.shape), "brightest": float(first.max()),
    "targets": [target if isinstance(target, int) else {name: part.tolist() for name, part in target.items()} for _, target in train],
}))
"""


def pulled(live_server, settings, tmp_path, version):
    serve_store_at(live_server.url, settings)
    key = access_key.issue(MachineFactory(role=Role.PIPELINE), by=None)[1]
    rest = ("--hub", live_server.url, "--cache", tmp_path / "cache")
    assert run("pull", f"{version.dataset_id}@{version.version}", tmp_path / "data", *rest, key=key).code == 0
    return str(tmp_path / "data")


def test_it_runs_and_says_what_the_version_holds(live_server, settings, tmp_path):
    ada = people.ada()
    rows = make.samples(ada, 23)
    boxed = {"boxes": [{"label": "3", "bbox": [1, 2, 10, 5]}]}
    for row, truth in ((rows[0], boxed), (rows[1], {"boxes": []})):
        LearningSample.objects.filter(pk=row.pk).update(truth=truth, truth_sha256=canonical_sha256(truth))
    version = make.frozen(ada, seed=7)
    folder = pulled(live_server, settings, tmp_path, version)
    said = run_notebook("dataset.ipynb", THEN, with_torch=False, PULLED=folder)
    assert said["members"] == version.sample_count == 23
    assert {name: count for name, count in said["balance"].items() if name not in ("All", "(nothing)")} == version.statistics[
        "by_label"
    ]
    assert said["balance"]["(nothing)"] == 1
    assert said["cities"] == ["city_pune"]
    assert said["train"] == version.statistics["by_split"]["train"] == len(said["targets"])
    assert (said["shape"], 0 <= said["brightest"] <= 1) == ([3, 32, 32], True)
    splits = dict(version.members.values_list("sample__sample_id", "split"))
    assert splits[rows[0].sample_id] != "train" or {"boxes": [[1, 2, 11, 7]], "labels": [3]} in said["targets"]


def test_it_is_committed_without_what_it_once_said():
    cells = cells_of("dataset.ipynb")
    assert len(cells) > 4
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    [dataset] = [cell for cell in cells if any("class Members" in line for line in cell["source"])]
    start = next(n for n, line in enumerate(dataset["source"]) if "class Members" in line)
    end = next(n for n, line in enumerate(dataset["source"]) if line.startswith("classes ="))
    assert len([line for line in dataset["source"][start:end] if line.strip()]) <= 30
