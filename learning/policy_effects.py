"""What a change of a module's review policy would do, in sentences, with how many waiting samples it concerns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from learning.models import AiModule, LearningSample, ReviewPolicy, SampleState
from learning.models.label import LabelSource

MOST = 10_000
"""How many waiting samples are looked at."""


@dataclass(frozen=True)
class Effect:
    """One change of terms: what it does, and to how many waiting samples at once (None: to none that is here)."""

    terms: tuple[str, ...]
    sentence: str
    samples: int | None = None


def effects(module: AiModule, new: ReviewPolicy) -> list[Effect]:
    """Answer what would be otherwise under `new` than it is now; nothing where nothing differs."""
    old = module.policy
    changed = {name for name, value in new.terms.items() if old.terms[name] != value}
    found: list[Effect] = []
    for terms, say in _SAYS:
        if changed & set(terms):
            found += say(module, old, new)
    return found


def waiting(module: AiModule) -> int:
    """Answer how many samples wait for judgements, counting to 10,000."""
    pending = LearningSample.objects.filter(module=module, state=SampleState.PENDING)
    return pending.order_by().values("pk")[:MOST].count()


def _judgements(module: AiModule, old: ReviewPolicy, new: ReviewPolicy) -> Iterator[Effect]:
    """Say how many waiting samples need more people or fewer, and how many of these are complete by now."""
    said = Count("labels", filter=_counts, distinct=True)
    pending = LearningSample.objects.filter(module=module, state=SampleState.PENDING).order_by("id")
    more = fewer = complete = 0
    for sample_id, judged in pending.annotate(judged=said).values_list("sample_id", "judged")[:MOST]:
        before, after = old.needed(sample_id), new.needed(sample_id)
        more += after > before
        fewer += after < before
        complete += after < before and judged >= after
    terms = ("overlap", "double_share")
    if more:
        text = ngettext("%d waiting sample needs more people than now.", "%d waiting samples need more people than now.", more)
        yield Effect(terms, text % more, more)
    if fewer:
        text = ngettext(
            "%d waiting sample needs fewer people than now.", "%d waiting samples need fewer people than now.", fewer
        )
        yield Effect(terms, text % fewer, fewer)
    if complete:
        text = ngettext(
            "%d of them is complete then: settled, or disputed.",
            "%d of them are complete then: settled, or disputed.",
            complete,
        )
        yield Effect(terms, text % complete, complete)
    if not more and not fewer:
        yield Effect(terms, _("No sample that waits needs more or fewer people; it holds for what comes."))


_counts = Q(labels__label_source=LabelSource.REVIEW, labels__withdrawn_at__isnull=True, labels__superseded_by__isnull=True)


def _sight(module: AiModule, old: ReviewPolicy, new: ReviewPolicy) -> Iterator[Effect]:
    count = waiting(module)
    if new.hide_prediction:
        text = ngettext(
            "%d waiting sample is judged without seeing the prediction.",
            "%d waiting samples are judged without seeing the prediction.",
            count,
        )
    else:
        text = ngettext("%d waiting sample shows its prediction.", "%d waiting samples show their predictions.", count)
    yield Effect(("hide_prediction",), text % count, count)


def _always(terms: tuple[str, ...], sentence: Callable[[ReviewPolicy], str]) -> Callable[..., Iterator[Effect]]:
    def say(module: AiModule, old: ReviewPolicy, new: ReviewPolicy) -> Iterator[Effect]:
        yield Effect(terms, sentence(new))

    return say


def percent(share: float) -> str:
    """Say a share as people write it."""
    return f"{100 * share:.4g} %"


def _cities(policy: ReviewPolicy) -> str:
    if policy.city_labels == "trust":
        return _("What cities label from now on is taken as it is.")
    if policy.city_labels == "review":
        return _("People judge all that cities label from now on.")
    return _("People judge %s of what cities label from now on; the rest is taken as it is.") % percent(policy.check_share)


_OF: dict[tuple[str, ...], Any] = {
    ("iou",): lambda new: (
        _("From the next decision on, boxes are the same where they overlap by %s or more.") % percent(new.iou)
    ),
    ("adjudicators",): lambda new: (
        _("Any reviewer may settle a dispute, also who judged the sample.")
        if new.adjudicators == "any"
        else _("A dispute is settled by a reviewer who did not judge the sample.")
    ),
    ("city_labels", "check_share"): _cities,
    ("first_judgements", "first_check_share", "later_check_share"): lambda new: (
        _(
            "From the next decision on a reviewer checks %(first)s of a person's first %(n)d judgements, and %(later)s of the later ones."
        )
        % {"first": percent(new.first_check_share), "n": new.first_judgements, "later": percent(new.later_check_share)}
    ),
    ("grid_full_share",): lambda new: (
        _("Of what is approved in the grid from now on, %s is judged in full.") % percent(new.grid_full_share)
    ),
    ("gold_share", "gold_retire_after"): lambda new: (
        _("From the next sample on, %(share)s of what people are given is gold; each is shown %(n)d times at most.")
        % {"share": percent(new.gold_share), "n": new.gold_retire_after}
    ),
    ("gold_threshold", "gold_min"): lambda new: (
        _("Who is right on less than %(share)s of %(n)d or more gold samples is paused.")
        % {"share": percent(new.gold_threshold), "n": new.gold_min}
    ),
    ("random_share", "weights"): lambda new: (
        _("What waits comes in another order; %s of it by lot.") % percent(new.random_share)
    ),
}
_SAYS: list[tuple[tuple[str, ...], Callable[..., Iterator[Effect]]]] = [
    (("overlap", "double_share"), _judgements),
    (("hide_prediction",), _sight),
    *((terms, _always(terms, sentence)) for terms, sentence in _OF.items()),
]
