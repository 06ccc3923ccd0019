"""Large files over an unsteady line: continued, bounded, checked whole."""

import hashlib
import random
import threading

import httpx
import pytest

from cc_edge.download import Download
from cc_edge.errors import Unfit, Unreachable
from tests.edge.hub_of_paper import hub_of_paper

CONTENT = random.Random(7).randbytes(900_000)


@pytest.fixture
def paper():
    with hub_of_paper() as paper:
        paper.bundles["m.zip"] = CONTENT
        yield paper


@pytest.fixture
def client():
    with httpx.Client(timeout=5) as client:
        yield client


def download(paper, client, content=CONTENT, **options) -> Download:
    sha256 = hashlib.sha256(content).hexdigest()
    stop = threading.Event()
    return Download(
        client, lambda: f"{paper.url}/files/m.zip", length=len(content), sha256=sha256, stop=stop, pause=0.001, **options
    )


def test_a_file_comes_whole_and_tells_how_far_it_is(paper, client, tmp_path):
    told = []
    download(paper, client, progress=told.append).to(tmp_path / "m.zip")
    assert (tmp_path / "m.zip").read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == ["m.zip"]


def test_a_connection_that_breaks_again_and_again_is_continued(paper, client, tmp_path):
    paper.cut_after = 250_000
    download(paper, client).to(tmp_path / "m.zip")
    assert (tmp_path / "m.zip").read_bytes() == CONTENT
    assert len(paper.requests) == 4


def test_what_came_before_a_kill_is_not_fetched_again(paper, client, tmp_path):
    (tmp_path / "m.zip.part").write_bytes(CONTENT[:600_000])
    told = []
    download(paper, client, progress=told.append).to(tmp_path / "m.zip")
    assert (tmp_path / "m.zip").read_bytes() == CONTENT
    assert told[0] > 600_000


def test_a_rest_is_asked_for_under_the_etag_it_began_with_also_after_a_kill(paper, client, tmp_path):
    paper.cut_after = 400_000
    with pytest.raises(Unreachable):
        download(paper, client, progress=stopped).to(tmp_path / "m.zip")
    paper.cut_after = None
    etag = (tmp_path / "m.zip.part.etag").read_text()
    paper.served.clear()
    download(paper, client).to(tmp_path / "m.zip")
    [(first, if_range)] = paper.served
    assert (0 < first <= 400_000, if_range) == (True, etag)
    assert (tmp_path / "m.zip").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["m.zip"]


def stopped(at):
    if at >= 400_000:
        raise Unreachable("The cable was pulled.")


def test_a_file_exchanged_in_the_middle_begins_anew_rather_than_being_patched(paper, client, tmp_path):
    paper.bundles["m.zip"] = bytes(len(CONTENT))
    paper.cut_after = 300_000

    def exchange(at):
        if at >= 300_000:
            paper.bundles["m.zip"], paper.cut_after = CONTENT, None

    download(paper, client, progress=exchange).to(tmp_path / "m.zip")
    assert (tmp_path / "m.zip").read_bytes() == CONTENT
    assert [first for first, _ in paper.served] == [0, 0]
    assert paper.served[1][1] is not None


def test_an_address_that_ran_out_is_asked_for_again(paper, client, tmp_path):
    asked = []

    def address():
        asked.append(1)
        return f"{paper.url}/files/m.zip" if len(asked) > 2 else f"{paper.url}/api/v1/edge/trust/none"

    sha256 = hashlib.sha256(CONTENT).hexdigest()
    wanted = Download(client, address, length=len(CONTENT), sha256=sha256, stop=threading.Event(), pause=0.001)
    wanted.to(tmp_path / "m.zip")
    assert len(asked) == 3
    assert (tmp_path / "m.zip").read_bytes() == CONTENT


def test_a_piece_of_another_file_is_thrown_away_once(paper, client, tmp_path):
    (tmp_path / "m.zip.part").write_bytes(b"x" * 600_000)
    download(paper, client).to(tmp_path / "m.zip")
    assert (tmp_path / "m.zip").read_bytes() == CONTENT


def test_a_piece_longer_than_the_file_is_thrown_away(paper, client, tmp_path):
    (tmp_path / "m.zip.part").write_bytes(CONTENT + b"more")
    download(paper, client).to(tmp_path / "m.zip")
    assert (tmp_path / "m.zip").read_bytes() == CONTENT


def test_another_file_of_the_same_length_is_refused_and_leaves_nothing(paper, client, tmp_path):
    paper.bundles["m.zip"] = CONTENT[:-1] + b"!"
    with pytest.raises(Unfit, match="SHA-256"):
        download(paper, client).to(tmp_path / "m.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_does_not_end_is_refused(paper, client, tmp_path):
    paper.bundles["m.zip"] = CONTENT * 3
    with pytest.raises(Unfit, match="more than was released"):
        download(paper, client).to(tmp_path / "m.zip")
    assert (tmp_path / "m.zip.part").stat().st_size <= len(CONTENT)


def test_a_line_that_stays_dead_is_given_up_and_what_came_is_kept(paper, client, tmp_path):
    paper.cut_after = 0
    (tmp_path / "m.zip.part").write_bytes(CONTENT[:1000])
    with pytest.raises(Unreachable):
        download(paper, client).to(tmp_path / "m.zip")
    assert (tmp_path / "m.zip.part").read_bytes() == CONTENT[:1000]
