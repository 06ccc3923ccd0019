"""A hub of paper: the edge's half of the API over HTTP, with a real image repository, to be bent by a test at will."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

ROLES = ("root", "targets", "snapshot", "timestamp", "assignments")


def in_days(days: float) -> datetime:
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)


class Repository:
    """Keys, and the newest document of each role as bytes by file name."""

    def __init__(self) -> None:
        self.keys = {role: CryptoSigner.generate_ed25519() for role in ROLES}
        self.files: dict[str, bytes] = {}
        self.version = 0
        self.released: dict[str, TargetFile] = {}
        root = Root(expires=in_days(100), consistent_snapshot=True)
        for role in ROLES[:4]:
            root.add_key(self.keys[role].public_key, role)
        self.root = self.signed(root, "root")
        self.files["1.root.json"] = self.root
        self.publish()

    def signed(self, part, role: str, by: str | None = None) -> bytes:
        document = Metadata(part)
        document.sign(self.keys[by or role])
        return document.to_bytes()

    def publish(self, *, timestamp_days: float = 1, targets_by: str = "targets", signed_in_days: float | None = None) -> None:
        """Sign targets, snapshot and timestamp anew; `signed_in_days` is when the timestamp says it was signed, from now."""
        self.version += 1
        key = self.keys["assignments"].public_key
        role = DelegatedRole("assignments", [key.keyid], 1, terminating=True, paths=[])
        delegations = Delegations({key.keyid: key}, {"assignments": role})
        targets = Targets(self.version, expires=in_days(100), targets=dict(self.released), delegations=delegations)
        snapshot = Snapshot(self.version, expires=in_days(7), meta={"targets.json": MetaFile(self.version)})
        timestamp = Timestamp(self.version, expires=in_days(timestamp_days), snapshot_meta=MetaFile(self.version))
        if signed_in_days is not None:
            timestamp.unrecognized_fields["signed_at"] = in_days(signed_in_days).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.files[f"{self.version}.targets.json"] = self.signed(targets, "targets", targets_by)
        self.files[f"{self.version}.snapshot.json"] = self.signed(snapshot, "snapshot")
        self.files["timestamp.json"] = self.signed(timestamp, "timestamp")

    def release(self, path: str, content: bytes) -> None:
        self.released[path] = TargetFile.from_data(path, content, ["sha256"])
        self.publish()


@dataclass
class Paper:
    """What the hub answers, and what it was told."""

    repository: Repository = field(default_factory=Repository)
    edge_server_id: int = 3
    assignment: bytes = b""
    etag: str = ""
    counter: int = 100
    bundles: dict[str, bytes] = field(default_factory=dict)
    reports: list[tuple[str, dict]] = field(default_factory=list)
    heartbeats: list[dict] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    enrolled: list[dict] = field(default_factory=list)
    served: list[tuple[int, str | None]] = field(default_factory=list)
    down: bool = False
    cut_after: int | None = None
    down_after_file: bool = False
    url: str = ""

    def release(self, path: str, content: bytes) -> None:
        self.bundles[path] = content
        self.repository.release(path, content)

    def assign(self, path: str, *, deployment: str, counter: int | None = None, **bends) -> None:
        """Sign an assignment of one file; `bends` change what it says, or who signs (`by`), or when it expires (`days`)."""
        self.counter = self.counter + 1 if counter is None else counter
        content = bends.get("content", self.bundles.get(path, b""))
        target = TargetFile.from_data(path, content, ["sha256"])
        custom = {"module": "digits", "version": "v1.0.0", "deployment": deployment, "attempt": 1, "action": "install"}
        target.unrecognized_fields["custom"] = {**custom, **bends.get("custom", {})}
        part = Targets(self.counter, expires=in_days(bends.get("days", 14)), targets={path: target})
        if "signed_in_days" in bends:
            part.unrecognized_fields["signed_at"] = in_days(bends["signed_in_days"]).strftime("%Y-%m-%dT%H:%M:%SZ")
        part.unrecognized_fields["edge_server_id"] = bends.get("edge_server_id", self.edge_server_id)
        self.assignment = self.repository.signed(part, "assignments", bends.get("by"))
        self.etag = f'"{hashlib.sha256(self.assignment).hexdigest()}"'

    def statuses(self, deployment: str) -> list[str]:
        return [report["status"] for named, report in self.reports if named == deployment]

    def sentence(self, deployment: str) -> str:
        return next(
            report["error_message"] for named, report in self.reports if named == deployment and report["error_message"]
        )


class Handler(BaseHTTPRequestHandler):
    paper: Paper
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        paper, path = self.paper, self.path.removeprefix("/api/v1/edge/")
        paper.requests.append(f"GET {path}")
        if paper.down:
            self.answer(503)
        elif path.startswith("trust/"):
            found = paper.repository.files.get(path.removeprefix("trust/"))
            self.answer(200 if found else 404, found or b"")
        elif path == "assignment":
            if self.headers.get("If-None-Match") == paper.etag or not paper.assignment:
                self.answer(304, Retry_After="7")
            else:
                self.answer(200, paper.assignment, ETag=paper.etag)
        else:
            self.serve(paper.bundles[path.removeprefix("/files/")])

    def serve(self, content: bytes) -> None:
        paper, etag = self.paper, f'"{hashlib.md5(content).hexdigest()}"'
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if self.headers.get("If-Range", etag) != etag:
            first = 0
        paper.served.append((first, self.headers.get("If-Range")))
        paper.down = paper.down or paper.down_after_file
        rest = content[first:]
        self.send_response(206 if first else 200)
        self.send_header("ETag", etag)
        self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.paper.cut_after])
        if self.paper.cut_after is not None:
            self.close_connection = True

    def do_POST(self) -> None:
        paper, path = self.paper, self.path.removeprefix("/api/v1/edge/")
        paper.requests.append(f"POST {path}")
        body = (
            json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
            if self.headers["Content-Length"]
            else None
        )
        if paper.down:
            self.answer(503)
            return
        self.answer(200, json.dumps(self.told(path, body)).encode(), Content_Type="application/json")

    def told(self, path: str, body) -> dict:
        paper = self.paper
        if path == "heartbeat":
            paper.heartbeats.append(body)
            return {"poll_seconds": 60}
        if path == "enrol":
            paper.enrolled.append(body)
            return {"edge_server_id": paper.edge_server_id, "trust_root": json.loads(paper.repository.root)}
        _, deployment, verb = path.split("/")
        if verb == "download":
            [name] = json.loads(paper.assignment)["signed"]["targets"]
            return {"url": f"{paper.url}/files/{name}", "expires_at": in_days(1).isoformat()}
        paper.reports += [(deployment, report) for report in body["reports"]]
        return {"status": body["reports"][-1]["status"]}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that went away in the middle is what some tests are about."""


@contextmanager
def hub_of_paper() -> Iterator[Paper]:
    paper = Paper()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"paper": paper}))
    paper.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield paper
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
