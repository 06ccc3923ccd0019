"""Verbs on erasures: ask for one, choose among its candidates, decide about the models, confirm. A worker does the rest."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone

from accounts.actions.event import record
from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid
from core.hooks import erasure_impact
from core.queue import enqueue
from learning.actions import ledger
from learning.models import Erasure, ErasureItem, ErasureState, ErasureTouch, LearningSample, StoredObject, SubjectKind
from learning.models.erasure import DUE_WITHIN, MODEL_VERSION, UNFINISHED, Decision, Match
from learning.models.retention import held
from learning.subject import Found, Subject

CHUNK = 5_000
MAX_CHOICES = 1_000
MAX_WHY = 300
MAX_REFERENCE = 120
LEFT_OUT = "left out"


@transaction.atomic
def draft(kind: str, subject: Any, *, by: User | None, reference: str = "") -> Erasure:
    """Ask for an erasure; a worker looks for its candidates, and nothing is erased until somebody confirms.

    `reference` is the number of the request elsewhere, and no personal text. None is the command line. Raises Invalid.
    """
    _may(by)
    if len(reference) > MAX_REFERENCE or not reference.isprintable():
        raise Invalid(f"A reference has {MAX_REFERENCE} characters at most.", errors={"reference": ["is too long"]})
    is_replay = kind == SubjectKind.LEDGER
    sought = Subject(kind, {}) if is_replay else Subject.read(kind, subject)
    erasure = Erasure.objects.create(
        kind=kind,
        subject=sought.about,
        subject_sha256=sought.sha256,
        reference=reference.strip(),
        requested_by=by,
        due_at=timezone.now() + DUE_WITHIN,
    )
    record(by, "draft", erasure, kind=kind)
    enqueue("learning.tasks.gather_erasure", str(erasure.pk))
    return erasure


def gather(erasure_id: Any) -> Erasure | None:
    """Look for a draft's candidates: run by a worker, as often as it likes; what is found twice is kept once.

    Whatever matches exactly is chosen, what is one character off is not. Answers None where there is nothing to do.
    """
    erasure = Erasure.objects.to_gather().filter(pk=erasure_id).first()
    if erasure is None:
        return None
    find_candidates(erasure)
    with transaction.atomic():
        if not Erasure.objects.to_gather().filter(pk=erasure.pk).update(gathered_at=timezone.now()):
            return None
        _remember_touches(erasure)
        erasure.refresh_from_db()
        record(None, "gather", erasure, candidates=erasure.items.count())
    return erasure


def find_candidates(erasure: Erasure) -> None:
    """Write what is found as items; not for transactions, for it may take a while."""
    chunks: Iterator[list[Found]]
    if erasure.kind == SubjectKind.LEDGER:
        chunks = ([(key, Match.EXACT, "ledger") for key in keys] for keys in ledger.brought_back())
    else:
        chunks = Subject(erasure.kind, erasure.subject).find()
    for chunk in chunks:
        with transaction.atomic():
            exact = [key for key, match, _ in chunk if match == Match.EXACT]
            ErasureItem.objects.bulk_create(
                [
                    ErasureItem(erasure=erasure, sample_id=key, match=match, found_in=place, is_chosen=match == Match.EXACT)
                    for key, match, place in chunk
                ],
                batch_size=CHUNK,
                ignore_conflicts=True,
            )
            # found near in one text and exactly in another
            near = erasure.items.filter(sample__among=exact, match=Match.NEAR)
            near.update(match=Match.EXACT, is_chosen=True)


@transaction.atomic
def choose(erasure: Erasure, *, by: User | None, chosen: Mapping[str, bool]) -> Erasure:
    """Say of candidates (by sample_id) whether they are meant; only while it is a draft. Raises Invalid for a stranger."""
    _may(by)
    erasure = _gathered(erasure)
    if not 0 < len(chosen) <= MAX_CHOICES or not all(isinstance(meant, bool) for meant in chosen.values()):
        raise Invalid(f"Say true or false of 1 to {MAX_CHOICES:,} candidates at once.")
    items = dict(erasure.items.filter(sample__sample_id__in=list(chosen)).values_list("sample__sample_id", "pk"))
    if missing := [name for name in chosen if name not in items]:
        raise Invalid(f"{missing[0]} is no candidate of this erasure.", errors={"samples": ["not a candidate"]})
    for meant in (True, False):
        keys = [items[name] for name, said in chosen.items() if said is meant]
        erasure.items.filter(pk__in=keys).update(is_chosen=meant)
    _remember_touches(erasure)
    record(by, "choose", erasure, chosen=sum(chosen.values()), left_out=len(chosen) - sum(chosen.values()))
    return erasure


@transaction.atomic
def decide(erasure: Erasure, *, by: User | None, model: str, decision: str, why: str = "") -> ErasureTouch:
    """Say what shall become of a model version that learned from what is erased; keeping it needs a reason."""
    _may(by)
    if decision not in Decision.values:
        raise Invalid(f"The decision is one of {', '.join(Decision.values)}.", errors={"decision": ["is none"]})
    why = why.strip()
    if len(why) > MAX_WHY or (decision == Decision.KEEP and not why):
        raise Invalid(
            f"Say why the model is kept, in at most {MAX_WHY} characters.", errors={"why": ["is missing or too long"]}
        )
    touch = erasure.touches.filter(kind=MODEL_VERSION, object_id=model).first()
    if touch is None:
        raise Invalid(f"The model version {model} is not touched by this erasure.", errors={"model": ["is not touched"]})
    touch.decision, touch.why, touch.decided_by, touch.decided_at = decision, why, by, timezone.now()
    touch.save(update_fields=["decision", "why", "decided_by", "decided_at"])
    record(by, "decide", erasure, model=model, decision=decision)
    return touch


@transaction.atomic
def confirm(erasure: Erasure, *, by: User | None, confirmation: str) -> Erasure:
    """Have it done: `confirmation` is `phrase(erasure)`, typed. From here on nothing brings back what was chosen.

    Raises Conflict where something chosen is under legal hold, a model waits for a decision, or the number has changed.
    """
    _may(by)
    erasure = _gathered(erasure)
    chosen = erasure.items.filter(is_chosen=True, sample__isnull=False)
    if not chosen.exists():
        raise Conflict("Nothing is chosen, so there is nothing to erase.", code="nothing_chosen")
    if kept := held(LearningSample.objects.filter(pk__in=chosen.values("sample"))).count():
        raise Conflict(
            f"{kept:,} of the chosen samples are under legal hold: leave them out, or have the hold lifted first.",
            code="legal_hold",
            facts={"held": kept},
        )
    undecided = erasure.touches.filter(kind=MODEL_VERSION, decision="")
    if waiting := undecided.count():
        raise Conflict(
            f"Decide first what shall become of {waiting:,} model version(s) that learned from these samples.",
            code="undecided",
            facts={"models": list(undecided.values_list("object_id", flat=True)[:20])},
        )
    if confirmation.strip() != phrase(erasure):
        raise Conflict(
            f"Type “{phrase(erasure)}” to confirm; what was typed is something else, or the number has changed.",
            code="not_confirmed",
        )
    erasure.move(ErasureState.CONFIRMED, confirmed_by=by, confirmed_at=timezone.now())
    record(by, "confirm", erasure, samples=chosen.count())
    enqueue("learning.tasks.run_erasure", str(erasure.pk))
    return erasure


@transaction.atomic
def confirm_replay(erasure: Erasure) -> Erasure:
    """Have done again what was done before a restore: it was confirmed then, so nobody types, and models were decided about.

    What came under legal hold meanwhile waits for the hold. Raises Conflict where nothing came back.
    """
    erasure = _gathered(erasure)
    chosen = erasure.items.filter(is_chosen=True, sample__isnull=False)
    if erasure.kind != SubjectKind.LEDGER or not chosen.exists():
        raise Conflict("Nothing of what was erased is there, so there is nothing to do again.", code="nothing_chosen")
    erasure.move(ErasureState.CONFIRMED, confirmed_at=timezone.now())
    record(None, "confirm", erasure, samples=chosen.count())
    enqueue("learning.tasks.run_erasure", str(erasure.pk))
    return erasure


@transaction.atomic
def discard(erasure: Erasure, *, by: User | None) -> None:
    """Give up a draft, with what it was about; of one that was confirmed nothing can be given up."""
    _may(by)
    rows = Erasure.objects.select_for_update().filter(pk=erasure.pk, state=ErasureState.DRAFT)
    if not rows:
        raise Conflict("Only a draft can be given up; this erasure was confirmed.", facts={"state": erasure.state})
    record(by, "discard", erasure, kind=erasure.kind)
    Erasure.objects.filter(pk=erasure.pk).delete()


def preview(erasure: Erasure) -> dict[str, int]:
    """Answer what would go: samples, distinct objects, bytes; what was found, is near, is held."""
    chosen = erasure.items.filter(is_chosen=True)
    samples = LearningSample.objects.filter(pk__in=chosen.values("sample"))
    objects = StoredObject.objects.filter(pk__in=samples.values("object")).aggregate(n=Count("pk"), size=Sum("size"))
    found = erasure.items.aggregate(all=Count("pk"), near=Count("pk", filter=Q(match=Match.NEAR)))
    return {
        "candidates": found["all"],
        "near": found["near"],
        "chosen": chosen.count(),
        "held": held(samples).count(),
        "objects": objects["n"],
        "bytes": objects["size"] or 0,
    }


def phrase(erasure: Erasure) -> str:
    """Answer what must be typed to confirm: it says how many samples go."""
    return f"erase {erasure.items.filter(is_chosen=True, sample__isnull=False).count()}"


def _remember_touches(erasure: Erasure) -> None:
    """Ask the apps above what the chosen samples touch, and keep it; decisions that were made stay."""
    found: dict[tuple[str, str], str] = {}
    last = 0
    chosen = erasure.items.filter(is_chosen=True, sample__isnull=False).order_by("sample")
    while keys := list(chosen.filter(sample__gt=last).values_list("sample_id", flat=True)[:CHUNK]):
        last = keys[-1]
        for row in erasure_impact.announce(keys):
            if row.kind != UNFINISHED:
                found.setdefault((row.kind, row.id), row.consequence[:500])
    known = {(touch.kind, touch.object_id): touch.pk for touch in erasure.touches.all()}
    erasure.touches.filter(pk__in=[pk for key, pk in known.items() if key not in found]).delete()
    ErasureTouch.objects.bulk_create(
        ErasureTouch(erasure=erasure, kind=kind, object_id=name, consequence=sentence)
        for (kind, name), sentence in found.items()
        if (kind, name) not in known
    )


def _gathered(erasure: Erasure) -> Erasure:
    """Lock the draft and see that its candidates were looked for."""
    locked = Erasure.objects.select_for_update(of=("self",)).filter(pk=erasure.pk).first()
    if locked is None or locked.state != ErasureState.DRAFT:
        state = locked.state if locked else LEFT_OUT
        raise Conflict(f"This erasure is {state}: nothing of it can be changed any more.", facts={"state": str(state)})
    if locked.gathered_at is None:
        raise Conflict("Its candidates are still being looked for; wait a moment.", code="gathering")
    return locked


def _may(by: User | None) -> None:
    if by is not None:
        require(by, Permission.ERASE_DATA)
