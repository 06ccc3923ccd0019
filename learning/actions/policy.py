"""Verbs on review policies: changed at any time, each version on record, and never to what nobody could satisfy."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require, users_who_may
from core.errors import Invalid
from core.queue import enqueue
from learning.models import Adjudicators, AiModule, CityLabels, PolicyVersion, ReviewPolicy
from learning.models.policy import WEIGHTS

MAX_OVERLAP = 9
MAX_REASON = 300
MAX_WEIGHT = 1_000
Check = Callable[[Any], str]
"""Answers what is wrong with a value, or nothing."""


@transaction.atomic
def change(module: AiModule, *, by: User | None, terms: Mapping[str, Any], reason: str = "") -> PolicyVersion:
    """Change some terms of a module's policy and answer the new version; where nothing differs, the one there is.

    It holds at once for every sample whose judgement is not complete: raised, more judgements are asked for at the next
    decision; lowered, a worker settles what is complete by now. What is settled stays, and what cities send is read by the
    new terms from now on. `by` is None for the command line. Raises Invalid, with a sentence for each term, for what makes
    no sense and for what the people of this hub cannot satisfy.
    """
    if by is not None:
        require(by, Permission.MANAGE_MODULES)
    if not isinstance(reason, str) or len(reason) > MAX_REASON or not (reason.isprintable() or not reason):
        raise Invalid(f"A reason is plain text of at most {MAX_REASON} characters.", errors={"reason": ["too long"]})
    row = AiModule.objects.select_for_update().get(pk=module.pk)
    old, new = row.policy.terms, ReviewPolicy.of(read({**row.policy.terms, **terms}))
    changed = {name: value for name, value in new.terms.items() if old[name] != value}
    newest = row.policies.order_by("-version").first()
    if newest and not changed:
        return newest
    _require_people(new)
    version = keep(row, new, by=by, reason=reason)
    module.review_policy, module.policy_version = row.review_policy, row.policy_version
    record(by, "change_policy", row, version=version.version, **changed)
    enqueue("learning.tasks.weigh_module", row.pk)
    return version


def preview(module: AiModule, terms: Mapping[str, Any]) -> ReviewPolicy:
    """Answer the policy that `change` would keep, and change nothing; raises Invalid as it does."""
    new = ReviewPolicy.of(read({**module.policy.terms, **terms}))
    if new != module.policy:
        _require_people(new)
    return new


def keep(module: AiModule, policy: ReviewPolicy, *, by: User | None, reason: str = "") -> PolicyVersion:
    """Write a policy down as the module's newest version, in the caller's transaction, which holds the module's lock."""
    last = module.policies.order_by("-version").values_list("version", flat=True).first() or 0
    module.review_policy, module.policy_version = policy.terms, last + 1
    module.save(update_fields=["review_policy", "policy_version"])
    return PolicyVersion.objects.create(module=module, version=last + 1, terms=policy.terms, made_by=by, reason=reason)


def read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the terms of a review policy, all of them; raises Invalid with a sentence for each that makes no sense."""
    if not isinstance(given, Mapping):
        raise Invalid("A review policy is an object.")
    if unknown := [str(name) for name in given if name not in CHECKS]:
        raise Invalid(f"A review policy has no {', '.join(sorted(unknown))}.")
    if isinstance(weights := given.get("weights"), Mapping):
        given = {**given, "weights": {**dict.fromkeys(WEIGHTS, 1.0), **weights}}
    wrong = {name: sentence for name, value in given.items() if (sentence := CHECKS[name](value))}
    if wrong:
        sentences = [f"{name} {sentence}." for name, sentence in wrong.items()]
        raise Invalid(" ".join(sentences), errors=dict(zip(wrong, ([sentence] for sentence in sentences), strict=True)))
    return ReviewPolicy(**given).terms


def _require_people(policy: ReviewPolicy) -> None:
    """Raise Invalid for a policy that the active people of this hub could never satisfy."""
    judges = users_who_may(Permission.ANNOTATE).count()
    seniors = users_who_may(Permission.ADJUDICATE).count()
    needed, name = policy.most_judgements, "overlap" if policy.overlap > 1 else "double_share"
    if needed > judges:
        sentence = f"Nobody could complete a sample: it needs {needed} different people, and {_people(judges)} may judge."
        raise Invalid(sentence, code="nobody_could", errors={name: [sentence]})
    if needed > 1 and not seniors:
        sentence = "Where several people judge a sample, somebody must settle their disputes, and nobody may: add a reviewer."
        raise Invalid(sentence, code="nobody_could", errors={"adjudicators": [sentence]})
    if needed > 1 and policy.adjudicators == Adjudicators.OTHERS and judges <= needed:
        sentence = (
            f"A dispute of {needed} people would have nobody left to settle it: {_people(judges)} may judge. "
            "Add somebody, or let any reviewer settle."
        )
        raise Invalid(sentence, code="nobody_could", errors={"adjudicators": [sentence]})


def _people(count: int) -> str:
    return f"{count} active {'person' if count == 1 else 'people'}"


def _whole(least: int, most: int) -> Check:
    def check(value: Any) -> str:
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return "" if fits else f"must be a whole number from {least:,} to {most:,}"

    return check


def _number(least: float, most: float) -> Check:
    def check(value: Any) -> str:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
        return "" if fits else f"must be a number from {least:g} to {most:,}"

    return check


def _one_of(values: list[str]) -> Check:
    return lambda value: "" if isinstance(value, str) and value in values else f"must be one of {', '.join(values)}"


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _weights(value: Any) -> str:
    is_known = isinstance(value, Mapping) and all(name in WEIGHTS for name in value)
    if is_known and not any(_number(0, MAX_WEIGHT)(weight) for weight in value.values()):
        return ""
    return f"must name numbers from 0 to {MAX_WEIGHT:,} for any of {', '.join(WEIGHTS)}"


_SHARE = _number(0, 1)
CHECKS: dict[str, Check] = {
    "overlap": _whole(1, MAX_OVERLAP),
    "iou": _number(0.1, 1),
    "double_share": _SHARE,
    "city_labels": _one_of(CityLabels.values),
    "check_share": _SHARE,
    "first_judgements": _whole(0, 100_000),
    "first_check_share": _SHARE,
    "later_check_share": _SHARE,
    "grid_full_share": _SHARE,
    "adjudicators": _one_of(Adjudicators.values),
    "hide_prediction": _flag,
    "gold_share": _number(0, 0.5),
    "gold_retire_after": _whole(1, 10_000),
    "gold_threshold": _SHARE,
    "gold_min": _whole(1, 10_000),
    "random_share": _SHARE,
    "weights": _weights,
}
