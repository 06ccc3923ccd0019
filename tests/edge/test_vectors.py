"""The documents of docs/edge-vectors, each with the verdict that is written beside it."""

import json
import threading

import pytest

from cc_edge.hub import Hub
from cc_edge.trust import Stale, Trust, Untrusted
from tests.edge.hub_of_paper import hub_of_paper
from tests.edge.vectors import FOLDER, VECTORS

TABLE = json.loads((FOLDER / "vectors.json").read_text())["vectors"]


def verdict_on(vector, tmp_path) -> str:
    root, said = (FOLDER / "1.root.json").read_bytes(), "accepted"
    with hub_of_paper() as paper, Hub(paper.url, tries=1, stop=threading.Event()) as hub:
        try:
            for name in vector["repositories"]:
                files = {path.name: path.read_bytes() for path in (FOLDER / "repositories" / name).iterdir()}
                paper.repository.files = {"1.root.json": root, **files}
                trust = Trust(tmp_path / "trust", root, hub)
                trust.refresh()
            document = (FOLDER / "assignments" / f"{vector['assignment']}.json").read_bytes()
            facts = {"edge_server_id": vector["edge_server_id"], "lowest": vector["lowest_counter"]}
            for entry in trust.read(document, **facts).entries:
                trust.agree(entry)
        except Stale:
            said = "waits"
        except Untrusted:
            said = "refused"
    return said


@pytest.mark.parametrize("vector", TABLE, ids=[vector["name"] for vector in TABLE])
def test_the_agent_comes_to_the_verdict_that_is_written(vector, tmp_path):
    assert verdict_on(vector, tmp_path) == vector["verdict"]


def test_the_table_is_what_would_be_written_and_every_file_is_in_it():
    assert [vector["name"] for vector in TABLE] == [vector.name for vector in VECTORS]
    named = {name for vector in TABLE for name in vector["repositories"]}
    assert {path.name for path in (FOLDER / "repositories").iterdir()} == named
    assert {path.stem for path in (FOLDER / "assignments").iterdir()} == {vector["assignment"] for vector in TABLE}
