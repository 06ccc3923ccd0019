"""Handwritten digits as a city's meter pictures: real scans, with the answers of a tired edge model and a hasty operator.

scikit-learn's copy of the test set of the "Optical Recognition of Handwritten Digits" data (E. Alpaydin, C. Kaynak, 1998).
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

SIDE = 32
LEVEL = 15  # the scans have 17 levels: 0..16 × 15 = 0..240


@dataclass(frozen=True)
class Scan:
    """One picture: its number in the set, the digit a person wrote, and 8 × 8 levels of 0..16."""

    number: int
    digit: int
    levels: Any

    @property
    def event_id(self) -> str:
        """What the city calls it."""
        return f"meter-{self.number:04d}"

    def image(self) -> Image.Image:
        """Draw it as a grey picture of 32 × 32 pixels."""
        small = Image.frombytes("L", (8, 8), bytes(int(level) * LEVEL for row in self.levels for level in row))
        return small.resize((SIDE, SIDE), Image.Resampling.NEAREST)


def scans() -> list[Scan]:
    """Answer all 1,797 in an order that is always the same."""
    from sklearn.datasets import load_digits

    data = load_digits()
    found = [Scan(n, int(digit), levels) for n, (digit, levels) in enumerate(zip(data.target, data.images, strict=True))]
    random.Random(7).shuffle(found)  # noqa: S311  (an order, not a secret)
    return found


def write_source(folder: Path, sent: Sequence[Scan], wrong: set[int]) -> None:
    """Write what the city's uploader reads: pictures, and a line each in samples.jsonl.

    The edge's old model is right nine times in ten; the operator corrected it, but for the numbers in `wrong`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(11)  # noqa: S311
    start = datetime.now(UTC) - timedelta(hours=6)
    with (folder / "samples.jsonl").open("w") as lines:
        for place, scan in enumerate(sent):
            scan.image().save(folder / f"{scan.event_id}.png")
            believed = _another(scan.digit, chance) if scan.number in wrong else scan.digit
            predicted = _another(scan.digit, chance) if chance.random() < 0.1 else scan.digit
            item = {
                "event_id": scan.event_id,
                "camera_id": f"meter-cam-{scan.number % 5}",
                "ai_module": "meter_digit",
                "file": f"{scan.event_id}.png",
                "captured_at": (start + timedelta(seconds=place)).isoformat(),
                "sample_type": "automatic",
                "confidence": round(chance.uniform(0.5, 0.99), 3),
                "image_quality_score": 0.9,
                "prediction": {"label": str(predicted)},
                "predicted_by": {"model": "meter_digit", "version": "0.0.1"},
                "operator_id": "op-3",
                "labeled_at": datetime.now(UTC).isoformat(),
                "review_time_seconds": 2,
                **_label(predicted, believed),
            }
            lines.write(json.dumps(item) + "\n")


def write_pictures(folder: Path, held_back: Sequence[Scan]) -> None:
    """Write the pictures that nobody was shown, for the edge to answer on."""
    folder.mkdir(parents=True, exist_ok=True)
    for scan in held_back:
        scan.image().save(folder / f"{scan.event_id}.png")


def _label(predicted: int, believed: int) -> dict[str, Any]:
    if predicted == believed:
        return {"label_status": "correct"}
    return {"label_status": "changed", "correction": {"label": str(believed)}}


def _another(digit: int, chance: random.Random) -> int:
    return (digit + chance.randint(1, 9)) % 10
