"""A real proxy that speaks CONNECT and counts, and a door of TLS before a server that has none."""

import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


def _pipe(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            pending = [side for side in (one, other) if hasattr(side, "pending") and side.pending()]
            for side in pending or select.select([one, other], [], [], 30)[0]:
                piece = side.recv(65_536)
                if not piece:
                    return
                (other if side is one else one).sendall(piece)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """Clients go away as they like."""


@contextmanager
def _serving(handler, **facts) -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), handler) as server:
        vars(server).update(facts)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Connect(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        method, where, _ = self.rfile.readline().decode().split(" ")
        while self.rfile.readline().strip():
            """The proxy takes no heed of headers."""
        self.server.asked.append(f"{method} {where}")
        if method != "CONNECT":
            self.wfile.write(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = where.rpartition(":")
        with socket.create_connection((host, int(port))) as further:
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            _pipe(self.connection, further)


class _Door(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with (
            contextlib.suppress(OSError),
            self.server.context.wrap_socket(self.request, server_side=True) as inside,
            socket.create_connection(self.server.behind) as further,
        ):
            _pipe(inside, further)


@contextmanager
def connect_proxy() -> Iterator[tuple[str, list[str]]]:
    """Answer the proxy's address, and the list of what it is asked."""
    asked: list[str] = []
    with _serving(_Connect, asked=asked) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked


@contextmanager
def door_of_tls(url: str, context) -> Iterator[str]:
    """Answer an https address of what answers at `url` in the clear."""
    parts = urlsplit(url)
    with _serving(_Door, context=context, behind=(parts.hostname, parts.port)) as server:
        yield f"https://localhost:{server.server_address[1]}"
