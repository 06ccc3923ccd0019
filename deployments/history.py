"""Which version ran on an edge when: by what it reported it had completed, what its site went back from, and new hardware."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator

from accounts.models import Event
from deployments import health
from deployments.health import Measured
from deployments.models import DeploymentReport, DeploymentStatus, EdgeServer, EdgeTelemetry

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
"""Between which a day may be asked for: beyond, some zone's day begins or ends where no calendar does."""
WITHIN = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]
MOST_CHANGES = 2_000
MOST_HOURS = 5_000
SITE, REPLACED = "site", "replaced"


@dataclass(frozen=True)
class Change:
    """From `at` on this version of the module runs ("" is none); `how`: install, rollback, site (it went back by itself), replaced."""

    module: str
    at: datetime
    version: str
    how: str
    deployment: UUID | None = None
    model: UUID | None = None


@dataclass(frozen=True)
class Ran:
    """A version that ran for a part of a day; `until` is None where it ran on, `measured` what the edge measured of it that day."""

    change: Change
    until: datetime | None
    measured: Measured


def zone_of(edge: EdgeServer) -> tzinfo:
    """Answer the zone of the days of an edge: its city's."""
    return edge.city.zone if edge.city else UTC


def day_of(edge: EdgeServer, day: date) -> tuple[datetime, datetime]:
    """Answer when a day begins and ends where the edge stands."""
    zone = zone_of(edge)
    begins = datetime.combine(day, time(), tzinfo=zone)
    return begins, datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)


def ran_on(edge: EdgeServer, day: date) -> list[Ran]:
    """Answer what ran on that day, by module and then in order; a version that was there before the day began is its first."""
    begins, ends = day_of(edge, day)
    measured = _measured(edge, begins, ends)
    found: list[Ran] = []
    by_module: dict[str, list[Change]] = {}
    for change in changes(edge):
        by_module.setdefault(change.module, []).append(change)
    for module in sorted(by_module):
        line = by_module[module]
        for number, change in enumerate(line):
            until = line[number + 1].at if number + 1 < len(line) else None
            if change.version and change.at < ends and (until is None or until > begins):
                found.append(Ran(change, until, measured.get((module, change.version), Measured())))
    return found


def changes(edge: EdgeServer) -> list[Change]:
    """Answer the changes of an edge's modules, the newest two thousand, in order; a version twice in a row is one."""
    told = sorted([*_completed(edge), *_by_people(edge)], key=lambda change: change.at)
    kept: list[Change] = []
    last: dict[str, list[Change]] = {}
    for change in _to_each_module(told):
        line = last.setdefault(change.module, [])
        if not line or line[-1].version != change.version:
            line.append(change)
            kept.append(change)
    return kept


def _to_each_module(told: Iterable[Change]) -> Iterable[Change]:
    """Spell out what befalls a whole machine: a new one runs nothing, of any module that ran before."""
    known: set[str] = set()
    for change in told:
        if change.how == REPLACED:
            yield from (replace(change, module=module) for module in sorted(known))
        else:
            known.add(change.module)
            yield change


def _completed(edge: EdgeServer) -> list[Change]:
    rows = DeploymentReport.objects.filter(deployment__edge_server=edge, status=DeploymentStatus.COMPLETED).order_by("-id")
    columns = ("module__slug", "model_version__version", "action", "id", "model_version")
    told = rows.values_list("at", "received_at", *(f"deployment__{column}" for column in columns))[:MOST_CHANGES]
    # an edge that was offline says so later; one whose clock is ahead cannot have done it after it said so
    return [Change(slug, min(at, heard), version, how, pk, model) for at, heard, slug, version, how, pk, model in told]


def _by_people(edge: EdgeServer) -> list[Change]:
    about = Event.objects.about("deployments.edgeserver", edge.pk).filter(verb__in=["hold", "replace_hardware"])
    found = []
    for verb, at, facts in about.order_by("-id").values_list("verb", "at", "facts")[:MOST_CHANGES]:
        if verb == "hold":
            found.append(Change(str(facts.get("module", "")), at, str(facts.get("active", "")), SITE))
        else:
            found.append(Change("", at, "", REPLACED))
    return found


def _measured(edge: EdgeServer, begins: datetime, ends: datetime) -> dict[tuple[str, str], Measured]:
    """Sum what the edge measured in these hours, by module and version."""
    sums: dict[tuple[str, str], Measured] = {}
    rows = EdgeTelemetry.objects.filter(edge_server=edge, hour__gte=begins, hour__lt=ends)
    for slug, version, told in rows.values_list("module__slug", "version", "measured")[:MOST_HOURS]:
        sums.setdefault((slug, version), Measured()).add(health.read(told))
    return sums


def measured_by_day(edge: EdgeServer, days: int, today: date) -> list[dict[str, Any]]:
    """Answer what the edge measured in the last days, newest first: module, version, day, and the sums."""
    begins, _ = day_of(edge, today - timedelta(days=days - 1))
    sums: dict[tuple[str, date, str], Measured] = {}
    rows = EdgeTelemetry.objects.filter(edge_server=edge, hour__gte=begins).order_by("-hour")
    for module, version, hour, told in rows.values_list("module__name", "version", "hour", "measured")[:MOST_HOURS]:
        sums.setdefault((module, hour.astimezone(begins.tzinfo).date(), version), Measured()).add(health.read(told))
    order = sorted(sums, key=lambda key: (key[0], -key[1].toordinal(), key[2]))
    return [{"module": key[0], "day": key[1], "version": key[2], "measured": sums[key]} for key in order]
