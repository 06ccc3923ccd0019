"""[download] a model through the file store: MB of it to CLIENTS edges at once under their signed address, from two web workers.

The reference is nginx on the same file (NGINX_AT says where it is, if it is not on the path), with two workers and sendfile; where there is none,
a plain server of Python's that calls sendfile, named as such. Both are fetched by the same clients, in turns.
"""

import getpass
import json
import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._hub import cpu_seconds, load, own_hub, resident_mb

MB = int(os.environ.get("MB", "256"))
CLIENTS = int(os.environ.get("CLIENTS", "4"))
TIMES, ROUNDS = 2, 3
CONFIGURED = """daemon off; user {user}; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
server {{ listen 127.0.0.1:{port}; root {root}; }} }}
"""


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:  # settings are read once, and have to know it
        port = probe.getsockname()[1]
    with own_hub(PUBLIC_URL=f"http://127.0.0.1:{port}") as folder:
        from config.processes import Processes

        hub = Processes(f"127.0.0.1:{port}", folder / "logs", web_workers=2)
        hub.start("web")
        try:
            hub.wait_ready()
            url, path = _stored()
            with _reference(folder, path) as (name, other):
                print(json.dumps({"name": "download", **_measure(url, name, other, hub.running["web"].pid), **load()}))
        finally:
            hub.stop()


def _measure(url: str, name: str, other: str, web: int) -> dict[str, Any]:
    for address in (url, other):
        _rate(address)  # the file is in memory
    ours, reference, used = [], [], cpu_seconds(web)
    for _ in range(ROUNDS):
        ours.append(_rate(url))
        reference.append(_rate(other))
    return {
        "ours": round(median(ours)),
        "unit": "MB/s",
        "reference": name,
        "reference_value": round(median(reference)),
        "ratio": round(median(ours) / median(reference), 2),
        "rows": MB,
        "clients": CLIENTS,
        "seconds": round(ROUNDS * CLIENTS * TIMES * MB / median(ours), 1),
        "web_cpu_s_per_gb": round((cpu_seconds(web) - used) / (ROUNDS * CLIENTS * TIMES * MB / 1_000), 3),
        "rss_mb": resident_mb(web),
    }


def _rate(url: str) -> float:
    """Answer the MB a second that all clients together fetched."""
    command = [sys.executable, "-m", "benchmarks._fetcher", url, str(TIMES)]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)]
    rate = 0.0
    for client in clients:
        came, seconds = client.communicate()[0].split()
        assert client.returncode == 0
        rate += int(came) / float(seconds) / 1e6
    return rate


def _stored() -> tuple[str, Path]:
    """Put a bundle on the file store; answers its signed address and where it lies."""
    from core.file_store import FileStore
    from core.storage import new_name, put_bytes, store

    name, home = new_name("application/zip"), store()
    put_bytes(name, os.urandom(1_000_000) * MB, media_type="application/zip", metadata={"kind": "bundle"})
    assert isinstance(home, FileStore)
    return home.presign_get(name, seconds=3_600).url, home.path_of(name)


@contextmanager
def _reference(folder: Path, path: Path) -> Iterator[tuple[str, str]]:
    """Serve the same file by somebody else; answers the name and the address."""
    from config.processes import free_port

    port, nginx = free_port(), os.environ.get("NGINX_AT") or shutil.which("nginx")
    address = f"http://127.0.0.1:{port}/{path.name}"
    if nginx is None:
        with _python(path.parent, port):
            yield "a plain Python server with sendfile (nginx is not installed)", address
        return
    place = folder / "nginx"
    place.mkdir()
    (place / "conf").write_text(CONFIGURED.format(user=getpass.getuser(), folder=place, port=port, root=path.parent))
    process = subprocess.Popen([nginx, "-p", str(place), "-c", str(place / "conf"), "-e", str(place / "error.log")])
    try:
        _wait_for(port)
        yield "nginx on the same file", address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _python(root: Path, port: int) -> Iterator[None]:
    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(root))

        def copyfile(self, source: Any, _output: Any) -> None:
            self.wfile.flush()
            self.connection.sendfile(source)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def _wait_for(port: int) -> None:
    with socket.socket() as probe:
        for _ in range(200):
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
            time.sleep(0.05)
    raise RuntimeError("nginx does not answer")


if __name__ == "__main__":
    main()
