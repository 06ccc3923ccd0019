"""Which version of a module runs where: by city, in numbers and shares, from one pass over the slots."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from deployments.models import EdgeSlot
from deployments.models.edge_server import DRIFT_GRACE, EdgeServerQuerySet
from learning.models import AiModule
from training.semver import numbers_of

MOST_VERSIONS = 12
MOST_CITIES = 300


@dataclass
class Place:
    """A city's edges with a slot for the module: how many run which version ("" is none), and how many have drifted."""

    slug: str | None
    name: str
    edges: int = 0
    drifted: int = 0
    running: Counter[str] = field(default_factory=Counter)

    def share(self, version: str) -> float:
        """Answer the share of its edges that run it."""
        return self.running[version] / max(1, self.edges)


@dataclass
class VersionMap:
    """Places by name (None: of no city), the sum of all, and what shall run how often; `versions` are newest first.

    What is beyond the bounds is counted in the sum: `hidden_cities`, and versions that few edges run.
    """

    whole: Place
    places: list[Place]
    versions: list[str]
    assigned: Counter[str]
    hidden_cities: int = 0

    def as_document(self) -> dict[str, Any]:
        """Spell it as the API answers it."""
        return {
            "edges": self.whole.edges,
            "drifted": self.whole.drifted,
            "versions": [
                {
                    "version": version or None,
                    "running": self.whole.running[version],
                    "share": round(self.whole.share(version), 4),
                    "assigned": self.assigned[version],
                }
                for version in self.versions
            ],
            "cities": [
                {
                    "city": place.slug,
                    "edges": place.edges,
                    "drifted": place.drifted,
                    "running": [
                        {"version": name or None, "edges": place.running[name]} for name in self.versions if place.running[name]
                    ],
                }
                for place in self.places
            ],
        }


def version_map(edges: EdgeServerQuerySet, module: AiModule) -> VersionMap:
    """Answer the map of `module` on those of `edges` that are in service."""
    slots = EdgeSlot.objects.filter(module=module, edge_server__in=edges.in_service().values("pk"))
    long = Q(desired_at__lt=timezone.now() - DRIFT_GRACE)
    by = ["edge_server__city__slug", "edge_server__city__name", "active_version", "desired__version"]
    counted = slots.values_list(*by).order_by().annotate(number=Count("pk"), long=Count("pk", filter=long))
    whole, places, shall = Place(None, ""), dict[str | None, Place](), Counter[str]()
    for slug, name, version, desired, number, waited in counted:
        for place in (whole, places.setdefault(slug, Place(slug, name or ""))):
            place.edges += number
            place.drifted += waited if desired not in (None, version) else 0
            place.running[version] += number
        if desired is not None:
            shall[desired] += number
    shown = sorted(places.values(), key=lambda place: (place.slug is None, place.name))
    return VersionMap(whole, shown[:MOST_CITIES], _versions(whole, shall), shall, max(0, len(shown) - MOST_CITIES))


def _versions(whole: Place, assigned: Counter[str]) -> list[str]:
    """Answer those that most edges run or shall run, newest first; none at all comes last."""
    most = [version for version, _ in (whole.running + assigned).most_common(MOST_VERSIONS)]
    return sorted(most, key=lambda version: (numbers_of(version) or (-1, 0, 0), version), reverse=True)
