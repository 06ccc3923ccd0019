"""Scores as one line of a run says them: what is too long for it is left out, the widest table first."""

import json
from collections.abc import Mapping
from typing import Any

LONGEST = 48_000
WIDE = ("confusion", "by_class", "out_of_fold", "calibration")


def within_a_line(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Answer scores that fit into a line, which a supervisor cuts at 64 KiB."""
    kept = dict(scores)
    if "out_of_fold" in kept:
        kept["out_of_fold"] = {name: value for name, value in kept["out_of_fold"].items() if name != "confusion"}
    for name in WIDE:
        if len(json.dumps(kept)) > LONGEST:
            kept.pop(name, None)
    return kept
