"""The class × split × city counts of a version as a table: classes down, splits across, for all cities or one."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from training.models import Split


def class_table(statistics: Mapping[str, Any], city: str = "") -> dict[str, Any] | None:
    """Answer the rows, largest class first, each with its counts in the order of the splits; None where nothing was counted.

    Counted are labels: a sample's own, and one for each box.
    """
    cells = statistics.get("by_class", ())
    if not cells:
        return None
    cities = sorted({place for _, _, place, _ in cells if place})
    chosen = city if city in cities else ""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for label, split, place, count in cells:
        if not chosen or place == chosen:
            rows[label][split] += count
    most = max((counts.total() for counts in rows.values()), default=1)
    ordered = sorted(rows.items(), key=lambda row: (-row[1].total(), row[0]))
    return {
        "splits": Split.values,
        "cities": cities,
        "city": chosen,
        "most": most,
        "rows": [(label, [counts[split] for split in Split.values], counts.total()) for label, counts in ordered],
        "lacking": [label for label, counts in ordered if not counts[Split.TRAIN]],
    }
