"""Four regions' plates come in as four cities, a tenth of the labels wrong on purpose: rows and objects agree, and a second run brings nothing.

The photos are those of plates-openalpr and plates-lprnet-cn beside each other in ../shared/data, or in the folder CC_DATA.
"""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.long.test_plates import DATA, Client, lines_of, until_all_ended

pytestmark = pytest.mark.long
CROPS = DATA.parent.parent / "plates-lprnet-cn"
WRONG = "0000"


def crops() -> list[dict]:
    """Answer the crops of the fourth region: text alone, which is the file's name; non-ASCII, and some stand there twice by content."""
    moment = datetime(2026, 11, 20, 8, tzinfo=UTC).isoformat()
    fixed = {"camera_id": "cn-沪", "ai_module": "plates", "label_status": "correct", "captured_at": moment}
    return [
        {"event_id": photo.stem, "file": photo.name, "prediction": {"text": photo.stem}, **fixed}
        for photo in sorted(CROPS.glob("*.jpg"))
    ]


def spoiled(lines: list[dict]) -> list[dict]:
    """Let the city say of every tenth that a wrong plate is correct."""
    for line in lines[::10]:
        line.pop("correction", None)
        value = json.loads(json.dumps(line["prediction"]))
        value.get("boxes", [value])[0]["text"] = WRONG
        line |= {"label_status": "correct", "prediction": value}
    return lines


@pytest.fixture
def four(own_hub, tmp_path):
    """The module, the four cities with their folders and clients, and what each is to bring."""
    if not CROPS.is_dir() or not DATA.is_dir():
        pytest.skip(f"There are no photos in {CROPS} and {DATA}.")
    schema = {"labels": ["plate"], "text": {"normalise": "plate"}, "review_policy": {"city_labels": "trust"}}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    own_hub.manage("addmodule", "plates", "--task", "detection", "--schema", tmp_path / "schema.json", "--json")
    brought = {region: (DATA / region, spoiled(lines_of(region))) for region in ("eu", "us", "br")}
    brought["cn"] = (CROPS, spoiled(crops()))
    clients = [_client(own_hub, tmp_path, region, folder, lines) for region, (folder, lines) in brought.items()]
    return clients, {region: lines for region, (_, lines) in brought.items()}


def _client(own_hub, tmp_path: Path, region: str, folder: Path, lines: list[dict]) -> Client:
    source = tmp_path / region
    source.mkdir()
    for line in lines:
        shutil.copy(folder / line["file"], source)
    (source / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    own_hub.manage("addcity", f"city_{region}", "--json")
    key = own_hub.manage("issuekey", f"city_{region}", "--json")["key"]
    arguments = ["upload", str(source), "--hub", own_hub.processes.url, "--city", f"city_{region}"]
    return Client([*arguments, "--state", str(tmp_path / "state")], key, tmp_path / f"{region}.log")


def test_counts_and_objects_agree_and_a_second_run_brings_nothing(own_hub, four):
    clients, told = four
    own_hub.processes.start("web", "default")
    own_hub.processes.wait_ready()
    _bring(clients, own_hub)
    own_hub.inside("verified")
    arrived = own_hub.inside("census")
    assert arrived["samples"] == {f"city_{region}": len(lines) for region, lines in told.items()}
    said = {line["event_id"]: line.get("correction") or line["prediction"] for lines in told.values() for line in lines}
    assert arrived["truths"] == said
    assert sum(WRONG in json.dumps(truth) for truth in arrived["truths"].values()) == sum(
        -(-len(lines) // 10) for lines in told.values()
    )
    assert (arrived["images"], arrived["unverified"], arrived["astray"]) == (arrived["files"], 0, [])
    assert own_hub.manage("storage", "reconcile", "--json")["lost"] == 0
    _bring(clients, own_hub)
    assert {(client.summary()["accepted"], client.summary()["uploaded"]) for client in clients} == {(0, 0)}
    again = own_hub.inside("census")
    assert again | {"batches": None} == arrived | {"batches": None}  # a run has its batch, also one that finds nothing new


def _bring(clients: list[Client], own_hub) -> None:
    for client in clients:
        client.start()
    until_all_ended(clients, own_hub)
