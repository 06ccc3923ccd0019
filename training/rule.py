"""The rule of a dataset (the seeds' dataset_query): which settled samples of a module belong to it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from accounts.models import Organization
from core.errors import Invalid
from learning.models import AiModule, City, LabelStatus, LearningSample
from learning.models.sample import may_be_trained_on

KEYS = ("label_status", "cities", "since", "until", "min_quality")
LABEL_STATUSES = (LabelStatus.CORRECT.value, LabelStatus.CHANGED.value)
MAX_CITIES = 1_000


@dataclass(frozen=True)
class Rule:
    """`{label_status: [...], cities: [...], since, until, min_quality}`; what is absent or empty does not narrow.

    `since` is the first moment of capture, `until` the first that is too late; quality is 0..1.
    """

    label_status: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    min_quality: float | None = None

    @classmethod
    def read(cls, raw: Any) -> "Rule":
        """Read a rule as it came over the wire; raises Invalid with a sentence per key."""
        if not isinstance(raw, Mapping):
            raise Invalid("The rule must be an object.", errors={"rule": ["must be an object"]})
        errors = {f"rule.{key}": ["is not a key of a rule"] for key in raw if key not in KEYS}
        values: dict[str, Any] = {}
        for key in KEYS:
            try:
                values[key] = READERS[key](raw.get(key))
            except ValueError as error:
                errors[f"rule.{key}"] = [str(error)]
        if errors:
            raise Invalid("; ".join(f"{key} {texts[0]}" for key, texts in errors.items()) + ".", errors=errors)
        return cls(**values)

    def as_document(self) -> dict[str, Any]:
        """Spell the rule as it is kept and shown, without what does not narrow."""
        document = {
            "label_status": list(self.label_status),
            "cities": list(self.cities),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "min_quality": self.min_quality,
        }
        return {key: value for key, value in document.items() if value not in (None, [])}

    def samples(self, module: AiModule, organization: Organization | None) -> QuerySet[LearningSample]:
        """Answer the settled samples it selects, of people with their consent only; a customer's of its own cities only."""
        return LearningSample.objects.settled().filter(self.narrowing(organization), module=module)

    def narrowing(self, organization: Organization | None) -> Q:
        """Answer what it asks of a settled sample of its module."""
        asked = may_be_trained_on() & Q(object__isnull=False)
        if organization is not None:
            asked &= Q(city__in=City.objects.filter(organization=organization))
        if self.label_status:
            asked &= Q(label_status__in=self.label_status)
        if self.cities:
            asked &= Q(city__in=City.objects.filter(slug__in=self.cities))
        if self.since:
            asked &= Q(captured_at__gte=self.since)
        if self.until:
            asked &= Q(captured_at__lt=self.until)
        if self.min_quality is not None:
            asked &= Q(image_quality_score__gte=self.min_quality)
        return asked


def _words(value: Any, limit: int) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) and 0 < len(word) <= 64 for word in value):
        raise ValueError("must be a list of words")
    if len(value) > limit:
        raise ValueError(f"may list {limit} at most")
    return tuple(sorted(set(value)))


def _label_statuses(value: Any) -> tuple[str, ...]:
    words = _words(value, len(LABEL_STATUSES))
    if not set(words) <= set(LABEL_STATUSES):
        raise ValueError(f"may hold {' and '.join(LABEL_STATUSES)}")
    return words


def _cities(value: Any) -> tuple[str, ...]:
    words = _words(value, MAX_CITIES)
    known = set(City.objects.filter(slug__in=words).values_list("slug", flat=True))
    if unknown := [word for word in words if word not in known]:
        raise ValueError(f"names cities that are not known: {', '.join(unknown[:5])}")
    return words


def _moment(value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    moment = parse_datetime(value) if isinstance(value, str) else None
    if moment is None:
        raise ValueError("must be a moment, like 2026-11-20T00:00:00Z")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _share(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or not 0 <= value <= 1:
        raise ValueError("must be a number from 0 to 1")
    return float(value)


READERS = {
    "label_status": _label_statuses,
    "cities": _cities,
    "since": _moment,
    "until": _moment,
    "min_quality": _share,
}
