"""An annotator at work over HTTP, who knows what is in the picture."""

import uuid
from collections.abc import Mapping

import httpx


def work(url: str, token: str, module: str, truth: Mapping[str, str]) -> int:
    """Judge until the queue is empty and answer how many were judged; `truth` maps event_id to the label."""
    done = 0
    with httpx.Client(
        base_url=f"{url}/api/v1/learning/review/", headers={"Authorization": f"Bearer {token}"}, timeout=30
    ) as hub:
        answer = hub.post("next", json={"ai_module": module})
        lease = answer.raise_for_status().json() if answer.status_code != 204 else None
        while lease:
            label = truth[lease["sample"]["event_id"]]
            predicted = (lease["sample"]["prediction"] or {}).get("label")
            decision = {"decision": "correct"} if predicted == label else {"decision": "change", "correction": {"label": label}}
            body = {
                "lease_token": lease["lease_token"],
                "client_uuid": str(uuid.uuid4()),
                "seconds": 1.0,
                "next": True,
                **decision,
            }
            answer = hub.post(f"slots/{lease['slot']}/decide", json=body)
            lease = answer.raise_for_status().json()["next"]
            done += 1
    return done


def judge_one(url: str, token: str, module: str, *, right: bool) -> None:
    """Judge one sample of a text module: as it was read, or (where `right`) with another last digit."""
    with httpx.Client(
        base_url=f"{url}/api/v1/learning/review/", headers={"Authorization": f"Bearer {token}"}, timeout=30
    ) as hub:
        lease = hub.post("next", json={"ai_module": module}).raise_for_status().json()
        value = lease["sample"]["prediction"]
        other = {**value, "text": value["text"][:-1] + str((int(value["text"][-1]) + 9) % 10)}
        decision = {"decision": "change", "correction": other} if right else {"decision": "correct"}
        body = {"lease_token": lease["lease_token"], "client_uuid": str(uuid.uuid4()), "seconds": 1.0, **decision}
        hub.post(f"slots/{lease['slot']}/decide", json=body).raise_for_status()
