"""A client that fetches one file again and again and keeps none of it: `python -m benchmarks._fetcher URL TIMES`; prints bytes and seconds."""

import socket
import sys
import time
from urllib.parse import urlsplit

PIECE = 1 << 20


def main() -> None:
    url, times = urlsplit(sys.argv[1]), int(sys.argv[2])
    target = f"{url.path}?{url.query}" if url.query else url.path
    request = f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n".encode()
    room, came = bytearray(PIECE), 0
    began = time.perf_counter()
    for _ in range(times):
        came += _fetched(url.hostname or "", url.port or 80, request, room)
    print(came, time.perf_counter() - began)


def _fetched(host: str, port: int, request: bytes, room: bytearray) -> int:
    """Answer how many bytes the body had, which must be as many as its head said."""
    with socket.create_connection((host, port)) as link:
        link.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head:
            head += link.recv(4_096)
        lines, _, rest = head.partition(b"\r\n\r\n")
        assert b" 200 " in lines.splitlines()[0], lines[:300]
        length = next(int(line.split(b":")[1]) for line in lines.splitlines() if line.lower().startswith(b"content-length:"))
        got = len(rest)
        while got < length and (piece := link.recv_into(room)):
            got += piece
    assert got == length, (got, length)
    return got


if __name__ == "__main__":
    main()
