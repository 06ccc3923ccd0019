"""The page that compares versions on one frozen split, and has those scored that were not."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.policy import Permission, is_allowed
from core.errors import Refusal
from learning.thumbnails import thumbnail_url
from training import standing
from training.actions import model_version as verbs
from training.models import DatasetVersion, ModelEvaluation, ModelVersion, Split
from training.standing import Standing
from training.views.dataset import is_own, viewer
from training.views.scores import named, said

DRAWN = 24


@require_safe
def model_compare(request: HttpRequest) -> HttpResponse:
    """Compare 2 to 6 versions by measure and class, with the samples that one lost and the other won."""
    user = viewer(request)
    versions = _chosen(request.GET.getlist("model"), user)
    grounds = standing.grounds(versions) if versions else []
    chosen = ground(request.GET.get("on", ""), user) or (grounds[0] if grounds else _own_test(versions))
    facts: dict[str, Any] = {"versions": versions, "grounds": [(_spelled(*each), each) for each in grounds]}
    try:
        if chosen is None:
            standing.check(versions)
            return render(request, "training/model_compare.html", facts)
        found = standing.stand(versions, *chosen)
    except Refusal as refusal:
        messages.error(request, refusal.detail)
        return redirect("training:models")
    own = all(is_own(version, user) for version in versions)  # what is everybody's shows figures, and no counts of samples
    facts |= {
        "standing": found,
        "on": _spelled(*chosen),
        "is_own": own,
        "may_evaluate": is_allowed(user, Permission.EVALUATE_MODEL),
        "measures": [(named(name), [said(value, name) for value in values]) for name, values in found.measures],
    }
    return render(request, "training/model_compare.html", facts | (_swap(request, found, user) if own else {}))


@require_POST
def model_compare_evaluate(request: HttpRequest) -> HttpResponse:
    """Have those of the versions scored on the split that were not yet."""
    user = viewer(request)
    versions, chosen = _chosen(request.POST.getlist("model"), user), ground(request.POST.get("on", ""), user)
    begun = 0
    missing = standing.stand(versions, *chosen).missing if chosen else []
    on, split = chosen or (None, "")
    for version in missing:
        try:
            verbs.evaluate(version, by=user, dataset_version=on, split=split)
            begun += 1
        except Refusal as refusal:
            messages.error(request, f"{version}: {refusal.detail}")
    if begun:
        said = ngettext("%(n)d evaluation waits for a worker.", "%(n)d evaluations wait for a worker.", begun)
        messages.success(request, said % {"n": begun})
    query = {"model": [str(version.pk) for version in versions], "on": request.POST.get("on", "")}
    return redirect(f"{reverse('training:model-compare')}?{urlencode(query, doseq=True)}")


def _chosen(named: list[str], user: User) -> list[ModelVersion]:
    """Answer the versions within reach, in the order in which they were named."""
    keys = [key for name in dict.fromkeys(named[: standing.MOST + 1]) if (key := _uuid(name))]
    rows = ModelVersion.objects.visible_to(user).select_related("module", "dataset_version__dataset").in_bulk(keys)
    return [rows[key] for key in keys if key in rows]


def ground(text: str, user: User) -> standing.Ground | None:
    """Read `<dataset version>:<split>`, of what is within reach; None for anything else."""
    key, _colon, split = text.partition(":")
    if (known := _uuid(key)) is None or split not in Split.values:
        return None
    row = DatasetVersion.objects.visible_to(user).select_related("dataset").filter(pk=known).first()
    return (row, split) if row else None


def _own_test(versions: list[ModelVersion]) -> standing.Ground | None:
    """Answer the test split of the dataset version that the newest of them was trained on: there they can all be scored."""
    trained = [version.dataset_version for version in versions if version.dataset_version and version.dataset_version.frozen_at]
    return (max(trained, key=lambda row: row.created_at), Split.TEST) if trained else None


def _spelled(row: DatasetVersion, split: str) -> str:
    return f"{row.pk}:{split}"


def _swap(request: HttpRequest, found: Standing, user: User) -> dict[str, Any]:
    """Answer what the first version has right and another one has wrong, or the other way round, with pictures."""
    others = dict(zip((str(version.pk) for version in found.versions[1:]), found.evaluations[1:], strict=True))
    name = request.GET.get("against", "")
    name = name if name in others else next((key for key, scored in others.items() if scored), "")
    first, other, side = found.evaluations[0], others.get(name), request.GET.get("side", "lost")
    if first is None or other is None:
        return {}
    truth = request.GET.get("label", "")[:120].replace("\0", "")
    lost_by, won_by = (other, first) if side != "won" else (first, other)
    rows = list(standing.swapped(lost_by, won_by, user, truth=truth)[: DRAWN + 1])
    return {
        "swaps": [
            {"version": swap["version"], "key": str(swap["version"].pk), "sides": [(way, swap[way]) for way in ("lost", "won")]}
            for swap in found.swaps()
        ],
        "against": name,
        "other": next(version for version in found.versions if str(version.pk) == name),
        "side": "won" if side == "won" else "lost",
        "label": truth,
        "drawn": _drawn(rows[:DRAWN], lost_by is other, first, other, user),
        "more": len(rows) > DRAWN,
    }


def _drawn(rows: list[Any], is_lost: bool, first: ModelEvaluation, other: ModelEvaluation, user: User) -> list[dict[str, Any]]:
    beside = standing.said_by(first if is_lost else other, [row.sample_id for row in rows])
    drawn = []
    for row in rows:
        pair = (beside[row.sample_id], row) if is_lost else (row, beside[row.sample_id])
        drawn.append({"row": row, "sample": row.sample, "url": thumbnail_url(row.sample, user), "said": pair})
    return drawn


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
