"""Archives from a client's disk to samples: API, signed parts into the store, and real workers, who are told by the queue alone."""

import hashlib
import io
import json
import os
import time
import zipfile
from typing import Self

import httpx
import pytest

from tests.factories import learning as made

pytestmark = pytest.mark.long
PICTURES = 3
PATIENCE = 60.0


def archive(pictures: list[bytes]) -> bytes:
    """Pictures with a box each, and bytes that no packing makes less: three parts."""
    names = [f"{number}.png" for number in range(len(pictures))]
    coco = {
        "images": [{"id": n, "file_name": name, "width": 64, "height": 64} for n, name in enumerate(names)],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 2, 30, 20]} for n in range(PICTURES)],
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in zip(names, pictures, strict=True):
            packed.writestr(name, content)
        packed.writestr("labels.json", json.dumps(coco))
        packed.writestr("padding.bin", os.urandom(17 << 20))
    return out.getvalue()


class Client:
    """Somebody with a token; each answer must be a success."""

    def __init__(self, hub, key: str) -> None:
        self.http = httpx.Client(base_url=f"{hub.url}/api/v1/training", headers={"Authorization": f"Bearer {key}"}, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.http.close()

    def ask(self, method: str, path: str, body=None):
        answer = self.http.request(method, path, json=body)
        assert answer.status_code < 300, (path, answer.status_code, answer.text[:300])
        return answer.json()

    def until(self, path: str, *states: str):
        """Ask until it is in one of these states."""
        deadline = time.monotonic() + PATIENCE
        while (seen := self.ask("GET", path))["state"] not in states:
            assert time.monotonic() < deadline, seen
            time.sleep(0.1)
        return seen

    def upload(self, dataset: str, purpose: str, content: bytes) -> str:
        """Bring a file in parts, the last one first, and answer the stored upload."""
        facts = {"purpose": purpose, "file_name": "set.zip", "size": len(content)}
        begun = self.ask("POST", f"{dataset}/uploads", facts)
        here, size = f"{dataset}/uploads/{begun['id']}", begun["part_size"]
        parts = {number: content[(number - 1) * size : number * size] for number in range(begun["parts"], 0, -1)}
        assert len(parts) == 3
        asked = [{"number": number, "md5": hashlib.md5(part).hexdigest()} for number, part in parts.items()]
        for row in self.ask("POST", f"{here}/parts", {"parts": asked})["results"]:
            signed = row["upload"]
            sent = httpx.put(signed["url"], content=parts[row["number"]], headers=signed["headers"], timeout=60)
            assert sent.status_code == 200, sent.text[:300]
        self.ask("POST", f"{here}/complete", {"sha256": hashlib.sha256(content).hexdigest()})
        assert self.until(here, "stored", "failed")["error_message"] == ""
        return begun["id"]


def test_archives_become_samples_by_api_parts_queue_and_worker(own_hub, tmp_path):
    (tmp_path / "schema.json").write_text(json.dumps({"labels": ["car", "bus"]}))
    own_hub.manage("addmodule", "vehicles", "--task", "detection", "--schema", tmp_path / "schema.json", "--json")
    own_hub.manage("adduser", "ada@example.org", "--role", "super_admin", "--json")
    key = own_hub.manage("issuekey", "ada@example.org", "--json")["key"]
    own_hub.processes.start("web", "default")
    own_hub.processes.wait_ready()
    with Client(own_hub.processes, key) as client:
        _archives_become_samples(client)


def _archives_become_samples(client):
    pictures = [made.picture(number, (64, 64)) for number in range(2 * PICTURES)]
    dataset = f"datasets/{client.ask('POST', 'datasets', {'name': 'street', 'ai_module': 'vehicles'})['id']}"

    client.upload(dataset, "images", archive(pictures[:PICTURES]))
    [growth] = client.ask("GET", f"{dataset}/growths")["results"]
    grown = client.until(f"{dataset}/growths/{growth['id']}", "done", "failed")
    assert (grown["state"], grown["added"]) == ("done", PICTURES), grown

    brought = client.upload(dataset, "import", archive(pictures[PICTURES:]))
    begun = f"{dataset}/imports/{client.ask('POST', f'{dataset}/import', {'upload': brought, 'format': 'coco'})['id']}"
    assert client.until(begun, "checked", "failed")["undecided"] == []
    client.ask("POST", f"{begun}/confirm", {})
    done = client.until(begun, "done", "failed")
    assert (done["state"], done["counts"]["accepted"]) == ("done", PICTURES), done

    held = client.ask("GET", dataset)
    assert (held["sample_count"], held["labeled_count"]) == (2 * PICTURES, PICTURES)
    rows = client.ask("GET", f"{dataset}/samples")["results"]
    assert [row["labels"] for row in rows] == [["car"]] * PICTURES + [[]] * PICTURES
    there = {httpx.get(row["file_url"]).content for row in rows}
    assert there == set(pictures)
