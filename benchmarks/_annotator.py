"""One annotator's browser, as a process: `python -m benchmarks._annotator URL SESSION SECONDS`, begun by a line on stdin.

Each decision's answer holds the next sample. Prints the times of the decisions, in ms.
"""

import http.client
import json
import sys
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import orjson

API = "/api/v1/learning/review"
TOKEN = "c" * 32


class Annotator:
    """A page with its session: it asks as the page does."""

    def __init__(self, url: str, session: str) -> None:
        self.http = http.client.HTTPConnection(urlsplit(url).netloc)
        cookies = f"sessionid={session}; csrftoken={TOKEN}"
        self.headers = {"Content-Type": "application/json", "Cookie": cookies, "X-CSRFToken": TOKEN}

    def post(self, path: str, **body: Any) -> Any:
        self.http.request("POST", API + path, orjson.dumps(body), self.headers)
        answer = self.http.getresponse()
        content = answer.read()
        assert answer.status == 200, content[:300]
        return orjson.loads(content)

    def decide(self, lease: Any) -> Any:
        facts = {"lease_token": lease["lease_token"], "client_uuid": str(uuid.uuid4()), "decision": "correct"}
        return self.post(f"/slots/{lease['slot']}/decide", **facts, seconds=1.0, next=True, ahead=2)["next"]


def main(url: str, session: str, seconds: str) -> None:
    annotator = Annotator(url, session)
    lease = annotator.post("/next", ai_module="vehicles", ahead=2)
    for _ in range(20):
        lease = annotator.decide(lease)
    print("ready", flush=True)
    sys.stdin.readline()
    annotator.http.close()  # the web may have closed it while the others were got ready
    took, until = [], time.perf_counter() + float(seconds)
    while time.perf_counter() < until:
        began = time.perf_counter()
        lease = annotator.decide(lease)
        took.append(round(1_000 * (time.perf_counter() - began), 2))
    print(json.dumps(took))


if __name__ == "__main__":
    main(*sys.argv[1:])
