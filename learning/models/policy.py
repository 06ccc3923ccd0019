"""How a module's samples are judged: the terms, and the record of every version of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from django.conf import settings
from django.db import models


class CityLabels(models.TextChoices):
    """What becomes of a label that a city sends along."""

    TRUST = "trust"
    CHECK = "check"
    REVIEW = "review"


class Adjudicators(models.TextChoices):
    """Which reviewers may settle a dispute."""

    OTHERS = "others", "those who did not judge the sample"
    ANY = "any", "any reviewer"


WEIGHTS = ("base", "uncertainty", "rare_class", "age", "city_quota")
"""What the order of the queue is made of."""


def lot(what: str) -> float:
    """Answer a number from 0 to 1 that is drawn by a hash of the name, so that asking again changes nothing."""
    return int.from_bytes(hashlib.sha256(what.encode()).digest()[:4], "big") / 2**32


def drawn(what: str, share: float) -> bool:
    """Tell whether this one is among the share."""
    return lot(what) < share


@dataclass(frozen=True)
class ReviewPolicy:
    """How a module's samples are judged; every share is from 0 to 1.

    `overlap` judgements a sample, boxes agree from `iou` on; `double_share` of the samples gets a second, blind judgement
    where overlap is 1. `check_share` of the trusted city labels is judged all the same, where city_labels is "check". Of a
    person's first `first_judgements` a reviewer checks `first_check_share`, of the later ones `later_check_share`. Of what is
    approved in the grid, `grid_full_share` is judged in full. `adjudicators` settle disputes; with `hide_prediction` people
    judge without seeing it. Gold is mixed in at `gold_share` and retires after so many showings; a person whose score over at
    least `gold_min` falls below `gold_threshold` is paused. `random_share` of the queue ignores the order of `weights`.
    """

    overlap: int = 1
    iou: float = 0.9
    double_share: float = 0.0
    city_labels: str = CityLabels.CHECK
    check_share: float = 0.1
    first_judgements: int = 200
    first_check_share: float = 0.5
    later_check_share: float = 0.05
    grid_full_share: float = 0.1
    adjudicators: str = Adjudicators.OTHERS
    hide_prediction: bool = False
    gold_share: float = 0.0
    gold_retire_after: int = 50
    gold_threshold: float = 0.8
    gold_min: int = 20
    random_share: float = 0.05
    weights: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(WEIGHTS, 1.0))

    @classmethod
    def of(cls, terms: Mapping[str, Any]) -> "ReviewPolicy":
        """Read terms that were kept; what a later version of the hub named is let be."""
        return cls(**{name: value for name, value in terms.items() if name in TERMS})

    @property
    def terms(self) -> dict[str, Any]:
        """Answer all terms as plain values."""
        return asdict(self)

    @property
    def most_judgements(self) -> int:
        """How many different people a sample may need."""
        return max(self.overlap, 2 if self.double_share else 1)

    def needed(self, sample_id: str) -> int:
        """Answer how many judgements this sample needs."""
        return 2 if self.overlap == 1 and drawn(f"double:{sample_id}", self.double_share) else self.overlap

    def picks(self, sample_id: str) -> bool:
        """Tell whether a person judges this sample although its city did."""
        if self.city_labels != CityLabels.CHECK:
            return self.city_labels == CityLabels.REVIEW
        return drawn(f"check:{sample_id}", self.check_share)

    def wants_full_review(self, sample_id: str) -> bool:
        """Tell whether this sample is judged in full although it was approved in the grid."""
        return drawn(f"grid:{sample_id}", self.grid_full_share)


TERMS = frozenset(each.name for each in fields(ReviewPolicy))


class PolicyVersion(models.Model):
    """One version of a module's review policy; append-only. The module carries the newest one's terms."""

    module = models.ForeignKey("learning.AiModule", on_delete=models.PROTECT, related_name="policies")
    version = models.PositiveIntegerField()
    terms = models.JSONField()
    reason = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "review_policies"
        verbose_name = "review policy"
        verbose_name_plural = "review policies"
        constraints = [models.UniqueConstraint(fields=["module", "version"], name="policy_version_once")]

    def __str__(self) -> str:
        return f"{self.module.slug} policy {self.version}"

    @property
    def policy(self) -> ReviewPolicy:
        """The terms, read."""
        return ReviewPolicy.of(self.terms)
