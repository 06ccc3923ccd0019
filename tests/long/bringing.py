"""A city's client in a few lines: it brings files by the upload protocol, over HTTP, to a hub of the tests' own."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

ITEMS = 1_000
MAGIC = {
    b"\x89PNG": "image/png",
    b"\xff\xd8": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"RIFF": "image/webp",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}
SUFFIX = {".png": "image/png", ".apng": "image/png", ".gif": "image/gif", ".bmp": "image/bmp", ".webp": "image/webp"}


def announced(path: Path, content: bytes) -> str:
    """What a client would say that this file is: by its first bytes, else by its suffix, else it is a JPEG file."""
    by_magic = (media_type for magic, media_type in MAGIC.items() if content.startswith(magic))
    return next(by_magic, SUFFIX.get(path.suffix.lower(), "image/jpeg"))


class Bringer:
    """One city with its key. Each answer of the hub or store is counted by its status; a 5xx is an error at once."""

    def __init__(self, url: str, key: str, city: str, module: str) -> None:
        self.api = f"{url}/api/v1/learning/batches"
        self.city, self.module = city, module
        self.http = httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=120)
        self.names: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.http.close()

    def bring(self, files: Mapping[str, tuple[bytes, str]]) -> str:
        """Upload files (content and media type by event id) as one sealed batch, and answer its id."""
        batch = self.post(self.api, {"city": self.city})["id"]
        events = list(files)
        for start in range(0, len(events), ITEMS):
            self.add(batch, {event: files[event] for event in events[start : start + ITEMS]})
        self.seal(batch)
        return batch

    def add(self, batch: str, files: Mapping[str, tuple[bytes, str]]) -> dict[str, Any]:
        """Announce files and send those that are accepted; answers each event's result."""
        items = [self._item(event, *file) for event, file in files.items()]
        results = {row["event_id"]: row for row in self.post(f"{self.api}/{batch}/items", {"items": items})["results"]}
        awaited = [(row["upload"], files[event][0]) for event, row in results.items() if row.get("upload")]
        with ThreadPoolExecutor(4) as pool:
            for status in pool.map(lambda pair: self._put(*pair), awaited):
                assert status in {200, 412}, status
        return results

    def seal(self, batch: str) -> None:
        """Seal over what the hub says it holds: the client's own count is tested elsewhere."""
        refused = self.http.post(f"{self.api}/{batch}/seal", json={"items": 0, "sha256": "0" * 64})
        assert refused.status_code == 409, refused.text[:300]
        facts = refused.json()
        sealed = self.http.post(f"{self.api}/{batch}/seal", json={"items": facts["items"], "sha256": facts["sha256"]})
        assert sealed.status_code == 202, sealed.text[:300]

    def state(self, batch: str) -> str:
        """Answer the batch's state."""
        return str(self.http.get(f"{self.api}/{batch}").raise_for_status().json()["state"])

    def post(self, url: str, body: Any) -> Any:
        """Post JSON and answer JSON; anything but success is an error."""
        answer = self.http.post(url, json=body)
        assert answer.status_code < 300, (answer.status_code, answer.text[:300])
        return answer.json()

    def _item(self, event: str, content: bytes, media_type: str) -> dict[str, Any]:
        return {
            "event_id": event,
            "camera_id": "cam-1",
            "ai_module": self.module,
            "label_status": "correct",
            "captured_at": "2026-11-20T08:00:00+00:00",
            "prediction": {"label": "car"},
            "file": {
                "sha256": hashlib.sha256(content).hexdigest(),
                "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
                "size": len(content),
                "media_type": media_type,
            },
        }

    def _put(self, upload: Mapping[str, Any], content: bytes) -> int:
        self.names.add(Path(urlsplit(upload["url"]).path).name)
        return httpx.put(upload["url"], content=content, headers=upload["headers"], timeout=120).status_code


def bringer_of(hub: Any, folder: Path, city: str = "city_pune") -> Bringer:
    """Make the module and the city on a hub of the tests' own, and answer the city's client."""
    schema = {"labels": ["car", "bus"], "review_policy": {"city_labels": "trust"}}
    (folder / "schema.json").write_text(json.dumps(schema))
    hub.manage("addmodule", "vehicles", "--task", "classification", "--schema", folder / "schema.json", "--json")
    hub.manage("addcity", city, "--json")
    return Bringer(hub.processes.url, hub.manage("issuekey", city, "--json")["key"], city, "vehicles")


def files_below(folder: Path) -> Iterable[Path]:
    """Answer all files of a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
