"""The four questions about collecting people's images that no folder can answer, each as a table."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext_lazy as _

from learning.models import CollectionSession, Person
from learning.models.person import WANTED_IMAGES

MOST_ROWS = 10_000
CENT = Decimal("0.01")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for the beginning of a formula."""


@dataclass(frozen=True)
class Table:
    """One question: its name in addresses, its title, its columns, and how its rows are read."""

    slug: str
    title: Any
    lead: Any
    columns: Sequence[str]
    read: Callable[[], list[dict[str, Any]]]
    words: frozenset[str] = frozenset()
    """The columns that hold no numbers."""


def sources() -> list[dict[str, Any]]:
    """Answer how many people and images there are per source, and the share of images that cost nothing, in percent."""
    sums = Person.objects.aggregate(
        people=Count("pk"),
        images=Sum("total_images", default=0),
        wikimedia=Sum("images_from_wikimedia", default=0),
        serp=Sum("images_from_serp", default=0),
    )
    collected = sums["wikimedia"] + sums["serp"]
    saving = round(100 * sums["wikimedia"] / collected, 1) if collected else None
    return [{**sums, "imported": sums["images"] - collected, "cost_saving_percent": saving}]


def needing_more() -> list[dict[str, Any]]:
    """Answer the people in training with fewer images than wanted, those with fewest first."""
    rows = Person.objects.needing_more().order_by("total_images", "pk")
    columns = ("id", "full_name", "normalized_name", "domain", "total_images")
    return [{**row, "missing": WANTED_IMAGES - row["total_images"]} for row in rows.values(*columns)[:MOST_ROWS]]


def cost_by_month() -> list[dict[str, Any]]:
    """Answer per month (UTC) what the paid searches cost and how many images were free, the newest first."""
    rows = CollectionSession.objects.annotate(month=TruncMonth("started_at")).values("month")
    summed = rows.annotate(
        cost=Sum("estimated_serp_cost"),
        searches_made=Sum("searches"),
        free_images=Sum("images_from_wikimedia"),
        collections=Count("pk"),
    )
    months = summed.order_by("-month")[:MOST_ROWS]
    return [{**row, "month": f"{row['month']:%Y-%m}", "cost": row["cost"].quantize(CENT)} for row in months]


def duplicates() -> list[dict[str, Any]]:
    """Answer the Wikidata ids that more than one person has, and who they are."""
    shared = Person.objects.exclude(wikidata_id=None).values("wikidata_id").annotate(people=Count("pk")).filter(people__gt=1)
    rows = list(shared.order_by("-people", "wikidata_id")[:MOST_ROWS])
    named: dict[str, list[str]] = {}
    known = Person.objects.filter(wikidata_id__in=[row["wikidata_id"] for row in rows]).order_by("pk")
    for wikidata_id, domain, name in known.values_list("wikidata_id", "domain", "normalized_name"):
        named.setdefault(str(wikidata_id), []).append(f"{domain}/{name}")
    return [{**row, "names": " ".join(named[str(row["wikidata_id"])])} for row in rows]


TABLES = {
    table.slug: table
    for table in (
        Table(
            "sources",
            _("Images per source"),
            _("What is free, what was paid for, and what came from folders."),
            ("people", "images", "wikimedia", "serp", "imported", "cost_saving_percent"),
            sources,
        ),
        Table(
            "needing-more",
            _("People who need more images"),
            _("In training with fewer than %(wanted)d images.") % {"wanted": WANTED_IMAGES},
            ("full_name", "normalized_name", "domain", "total_images", "missing"),
            needing_more,
            frozenset({"full_name", "normalized_name", "domain"}),
        ),
        Table(
            "cost",
            _("Cost by month"),
            _("Paid searches beside the images that were free; months are UTC."),
            ("month", "cost", "searches_made", "free_images", "collections"),
            cost_by_month,
            frozenset({"month"}),
        ),
        Table(
            "duplicates",
            _("Same Wikidata id"),
            _("The same person twice, in one domain or in several."),
            ("wikidata_id", "people", "names"),
            duplicates,
            frozenset({"wikidata_id", "names"}),
        ),
    )
}


def as_csv(table: Table) -> Iterator[str]:
    """Write a table's lines; a text that a spreadsheet would run begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.columns)
    for row in table.read():
        writer.writerow([_plain(row[column]) for column in table.columns])
    yield out.getvalue()


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
