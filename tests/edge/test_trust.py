"""What an edge refuses to believe, with documents made by the very library that signs them."""

import threading

import pytest

from cc_edge.errors import Unreachable
from cc_edge.hub import Hub
from cc_edge.trust import Stale, Trust, Untrusted, deployments_named
from tests.edge.hub_of_paper import Repository, hub_of_paper

DEPLOYMENT = "0197-d"


@pytest.fixture
def paper():
    with hub_of_paper() as paper:
        paper.release("digits/v1.zip", b"the bundle")
        yield paper


@pytest.fixture
def trust(paper, tmp_path):
    with Hub(paper.url, "cc_a_b", tries=1, stop=threading.Event()) as hub:
        yield Trust(tmp_path / "trust", paper.repository.root, hub)


def read(trust, paper, lowest=0):
    trust.refresh()
    return trust.read(paper.assignment, edge_server_id=3, lowest=lowest)


def test_an_assignment_that_all_signatures_lead_to_is_believed(paper, trust):
    paper.assign("digits/v1.zip", deployment=DEPLOYMENT)
    assignment = read(trust, paper, lowest=paper.counter)
    [entry] = assignment.entries
    assert (entry.module, entry.version, entry.length, entry.deployment) == ("digits", "v1.0.0", 10, DEPLOYMENT)
    assert assignment.counter == paper.counter
    trust.agree(entry)


@pytest.mark.parametrize(
    ("bends", "sentence"),
    [
        ({"by": "targets"}, "not signed by the key"),
        ({"by": "snapshot"}, "not signed by the key"),
        ({"edge_server_id": 4}, "another edge"),
        ({"edge_server_id": "3"}, "another edge"),
        ({"edge_server_id": None}, "another edge"),
        ({"counter": 99}, "older than one already seen"),
        ({"days": -1}, "expired"),
        ({"custom": {"module": "../digits"}}, "does not understand"),
        ({"custom": {"deployment": "../../admin"}}, "does not understand"),
        ({"custom": {"attempt": "1"}}, "does not understand"),
        ({"custom": {"attempt": 1 << 63}}, "does not understand"),
        ({"custom": {"action": "explode"}}, "does not understand"),
    ],
)
def test_a_bent_assignment_is_refused(paper, trust, bends, sentence):
    paper.assign("digits/v1.zip", deployment=DEPLOYMENT, **bends)
    with pytest.raises(Untrusted, match=sentence):
        read(trust, paper, lowest=100)


def test_an_assignment_signed_by_a_stranger_is_refused(paper, trust):
    stranger = Repository()
    paper.repository.keys["assignments"], mine = stranger.keys["assignments"], paper.repository.keys["assignments"]
    paper.assign("digits/v1.zip", deployment=DEPLOYMENT)
    paper.repository.keys["assignments"] = mine
    with pytest.raises(Untrusted, match="not signed by the key"):
        read(trust, paper)


def test_one_changed_byte_is_refused(paper, trust):
    paper.assign("digits/v1.zip", deployment=DEPLOYMENT)
    paper.assignment = paper.assignment.replace(b"v1.0.0", b"v9.0.0")
    with pytest.raises(Untrusted, match="not signed by the key"):
        read(trust, paper)


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b"no json", b"[" * 50_000])
def test_what_is_no_document_is_refused(paper, trust, document):
    paper.assignment = document
    with pytest.raises(Untrusted, match="no signed document"):
        read(trust, paper)
    assert deployments_named(document) == []


def test_another_signed_document_is_no_assignment(paper, trust):
    trust.refresh()
    for name in ("1.root.json", "timestamp.json", f"{paper.repository.version}.targets.json"):
        with pytest.raises(Untrusted):
            trust.read(paper.repository.files[name], edge_server_id=3, lowest=0)


def test_a_file_that_was_never_released_is_refused(paper, trust):
    paper.bundles["digits/evil.zip"] = b"evil"
    paper.assign("digits/evil.zip", deployment=DEPLOYMENT)
    [entry] = read(trust, paper).entries
    with pytest.raises(Untrusted, match="never released"):
        trust.agree(entry)


@pytest.mark.parametrize("content", [b"other text", b"longer than the bundle"])
def test_a_released_path_with_another_content_is_refused(paper, trust, content):
    paper.assign("digits/v1.zip", deployment=DEPLOYMENT, content=content)
    [entry] = read(trust, paper).entries
    with pytest.raises(Untrusted, match="another length or hash"):
        trust.agree(entry)


def test_targets_signed_by_an_online_key_are_refused(paper, trust):
    paper.repository.publish(targets_by="snapshot")
    with pytest.raises(Untrusted, match="trust documents are refused"):
        trust.refresh()


def test_a_timestamp_that_expired_installs_nothing_and_is_told_apart(paper, trust):
    paper.repository.publish(timestamp_days=-1)
    with pytest.raises(Stale, match="expired"):
        trust.refresh()


def test_an_older_repository_is_refused(paper, tmp_path, trust):
    old = dict(paper.repository.files)
    paper.repository.publish()
    trust.refresh()
    paper.repository.files = old
    with Hub(paper.url, tries=1) as hub, pytest.raises(Untrusted):
        Trust(tmp_path / "trust", paper.repository.root, hub).refresh()


def test_another_root_leads_nowhere(paper, tmp_path):
    with Hub(paper.url, tries=1) as hub, pytest.raises(Untrusted):
        Trust(tmp_path / "elsewhere", Repository().root, hub).refresh()


def test_a_hub_that_is_away_is_no_reason_to_refuse_anything(paper, trust):
    paper.down = True
    with pytest.raises(Unreachable):
        trust.refresh()
