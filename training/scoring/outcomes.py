"""What came of one sample of a scored split, and the file that carries it from a run's program to the hub.

The program writes `artifact/outcomes.jsonl` (the split it was scored on) and `artifact/folds.jsonl` (its training split, out of
fold), one JSON line a sample; a user's own program may write them too. Nothing in them is trusted: `read` bounds it.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

OUTCOMES_NAME = "outcomes.jsonl"
FOLDS_NAME = "folds.jsonl"
MAX_WORDS = 120
MAX_LINE = 64 * 1024
MAX_ANSWER = 8 * 1024
CHUNK = 1_000


@dataclass(frozen=True)
class Outcome:
    """One answer held against its truth.

    `score` is how right it is (0..1: 1 or 0 for a class, 1 - character error rate for a text, F1 of the boxes for boxes), and
    `confidence` what the network made of it (0..1). `truth` and `said` are its class, or its text, in 120 characters. `doubt`
    is set where the truth itself is suspected: the larger, the more. `answer` is the annotation value where it holds boxes.
    """

    sample_id: str
    is_right: bool
    score: float
    truth: str
    said: str
    confidence: float | None = None
    doubt: float | None = None
    answer: Mapping[str, Any] | None = None


def write(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Write them, one line each."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for outcome in outcomes:
            line = {name: value for name, value in asdict(outcome).items() if value is not None}
            if len(json.dumps(line.get("answer"))) > MAX_ANSWER:
                del line["answer"]
            out.write(json.dumps(line) + "\n")


def read(path: Path) -> Iterator[list[Outcome]]:
    """Yield them in chunks; none where there is no such file. What is no outcome of ours is passed over."""
    if not path.is_file() or path.is_symlink():
        return
    chunk: list[Outcome] = []
    with path.open("rb") as lines:
        while text := lines.readline(MAX_LINE):
            if outcome := _outcome(text):
                chunk.append(outcome)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def _outcome(text: bytes) -> Outcome | None:
    try:
        said = json.loads(text)
        sample_id, truth, answered = (_words(said[name]) for name in ("sample_id", "truth", "said"))
        f"{sample_id}{truth}{answered}".encode()  # half a surrogate pair is no text
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    score, answer = _share(said.get("score")), said.get("answer")
    if not sample_id or score is None:
        return None
    doubt = said.get("doubt")
    return Outcome(
        sample_id,
        said.get("is_right") is True,
        score,
        truth,
        answered,
        confidence=_share(said.get("confidence")),
        doubt=float(doubt) if _is_finite(doubt) else None,
        answer=answer if isinstance(answer, dict) and b"\\u0000" not in text and len(text) <= MAX_ANSWER else None,
    )


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.replace("\x00", "\ufffd")[:MAX_WORDS]


def _share(value: Any) -> float | None:
    return float(value) if _is_finite(value) and 0 <= value <= 1 else None


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
