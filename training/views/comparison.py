"""What a page shows of a comparison: numbers, classes, and the changes of one kind or class with their pictures."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from learning.models import LearningSample
from learning.thumbnails import thumbnail_url
from training.comparing import KINDS

WORDS = {
    "added": _("Added"),
    "removed": _("Removed"),
    "relabelled": _("Relabelled"),
    "regrouped": _("In another group"),
    "moved": _("In another split"),
}
COLUMNS = ("added", "removed", "lost", "gained", "redrawn")
DRAWN = 24


def compared(result: Mapping[str, Any], user: User, *, kind: str, label: str) -> dict[str, Any]:
    """Answer the facts of the page."""
    counts = result["counts"]
    chosen = [
        change
        for change in result["changes"]
        if (not kind or change["kind"] == kind) and (not label or label in change["labels"])
    ]
    return {
        "counts": [(name, WORDS[name], counts[name]) for name in KINDS],
        "same": counts["same"],
        "erased": counts["erased"],
        "is_same": not any(counts[name] for name in KINDS),
        "classes": [(name, [row.get(column, 0) for column in COLUMNS]) for name, row in result["classes"].items()],
        "kind": kind,
        "label": label,
        "changes": _drawn(chosen[:DRAWN], user),
        "more": max(0, len(chosen) - DRAWN),
    }


def _drawn(changes: list[dict[str, Any]], user: User) -> list[dict[str, Any]]:
    """Put sample, thumbnail and words on each change; what is out of reach by now has no picture."""
    rows = LearningSample.objects.visible_to(user).filter(sample_id__in=[change["sample_id"] for change in changes])
    samples = {row.sample_id: row for row in rows.select_related("city", "object__thumbnail")}
    drawn = []
    for change in changes:
        sample = samples.get(change["sample_id"])
        url = thumbnail_url(sample, user) if sample else ""
        drawn.append({**change, "sample": sample, "url": url, "word": WORDS[change["kind"]]})
    return drawn
