"""A client as cheap as can be: some connections, each with its own list of requests, over and over; prints how many were answered.

`python -m benchmarks._poller PORT SECONDS FILE STATUS`: each line of FILE is a request's path, key, ETag (or -), and the body of a POST.
"""

import selectors
import socket
import sys
import time
from pathlib import Path

CONNECTIONS = 4


def main() -> None:
    port, seconds, path, status = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), sys.argv[4].encode()
    requests = [_request(*line.split("\t")) for line in path.read_text().splitlines()]
    chooser, places = selectors.DefaultSelector(), {}
    for number in range(CONNECTIONS):
        link = socket.create_connection(("127.0.0.1", port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chooser.register(link, selectors.EVENT_READ)
        places[link.fileno()] = number
        link.sendall(requests[number])
    answered, until = 0, time.perf_counter() + seconds
    began = time.perf_counter()
    while time.perf_counter() < until:
        for key, _ in chooser.select(1.0):
            link = key.fileobj
            answer = link.recv(65_536)  # type: ignore[union-attr]
            if status != b"304" and answer.endswith(b"\r\n\r\n"):
                link.recv(65_536)  # type: ignore[union-attr]  # the body, behind its head
            assert answer[9:12] == status, answer[:200]
            answered += 1
            places[key.fd] = place = (places[key.fd] + CONNECTIONS) % len(requests)
            link.sendall(requests[place])  # type: ignore[union-attr]
    print(answered, time.perf_counter() - began)


def _request(path: str, key: str, etag: str, body: str = "") -> bytes:
    if body:
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
        return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n{kind}\r\n{body}".encode()
    known = "" if etag == "-" else f'If-None-Match: "{etag}"\r\n'
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n{known}\r\n".encode()


if __name__ == "__main__":
    main()
