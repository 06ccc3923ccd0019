"""Pages of rollouts: start one, watch it arrive, stop it, take it back."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Case, Count, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed, require
from core.errors import Missing, Refusal
from core.pages import carry_out, found, page_or_partial
from core.paging import bounded_count, keyset_page
from deployments import freezing, health
from deployments.actions import advancing
from deployments.actions import deployment as deployment_verbs
from deployments.actions import rollback as rollback_verbs
from deployments.actions import rollout as verbs
from deployments.forms import RolloutFilters, RolloutForm, edges_for
from deployments.models import DeploymentStatus, EdgeSlot, ModelDeployment, Rollout, RolloutState
from deployments.models.deployment import OPEN, DeploymentAction
from training.models import ModelVersion

PAGE = 50
SHOWN = 100
MOVING = frozenset({RolloutState.SCHEDULED, RolloutState.RUNNING, RolloutState.ROLLING_BACK})


@require_safe
def rollouts(request: HttpRequest) -> HttpResponse:
    """List rollouts, newest first."""
    user = viewer(request)
    form = RolloutFilters(request.GET)
    rows = Rollout.objects.visible_to(user).filter(**form.chosen)
    joined = rows.select_related("model_version__module", "organization", "created_by")
    page = keyset_page(joined, cursor=request.GET.get("cursor", ""), size=PAGE)
    counts = _counts([row.pk for row in page.results])
    table = [{"rollout": row, **_shares(counts.get(row.pk, {}))} for row in page.results]
    facts = {"page": page, "rows": table, "form": form, "count": bounded_count(rows), "frozen": freezing.frozen(None)}
    facts["may_freeze"] = is_allowed(user, Permission.DEPLOY)
    return render(request, "deployments/rollout_list.html", facts)


@require_safe
def rollout(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one rollout; asked by htmx (each two seconds while it moves), only what moves."""
    user = viewer(request)
    rows = Rollout.objects.visible_to(user).select_related("model_version__module", "organization", "created_by")
    shown = found(rows, pk=pk)
    is_followed = bool(request.headers.get("HX-Request"))
    counts = _by_wave(shown)
    waves = _waves(shown, counts)
    facts = {
        "rollout": shown,
        "is_moving": shown.state in MOVING or shown.deployments.open().exists(),
        "deployments": _rows(shown, user),
        "waves": waves,
        "rule": _rule(shown, waves),
        "health": _health(shown),
        "frozen": freezing.frozen(shown.organization_id) if shown.state in MOVING else None,
        "may": _allowed(shown, user),
        **_shares(sum(map(Counter, counts.values()), Counter())),
    }
    if not is_followed:
        facts["events"] = Event.objects.visible_to(user).about("deployments.rollout", shown.pk).order_by("-id")[:PAGE]
    response = page_or_partial(request, "deployments/rollout_detail.html", "live", facts)
    if is_followed and request.GET.get("state") != shown.state:
        response["HX-Refresh"] = "true"  # other acts are possible now, and the time line grew
    return response


@require_http_methods(["GET", "POST"])
def rollout_new(request: HttpRequest) -> HttpResponse:
    """Choose the edges for a released model version, and start."""
    user = viewer(request)
    require(user, Permission.DEPLOY)
    version = found(ModelVersion.objects.visible_to(user).select_related("module"), pk=_uuid(request.GET.get("model", "")))
    form = RolloutForm(request.POST if request.method == "POST" else None, version=version, user=user)
    shown = None
    if request.method == "POST" and form.is_valid():
        asked: dict[str, Any] = {"edges": form.chosen or None, "plan": form.plan}
        try:
            if "preview" in request.POST:
                shown = verbs.preview(version, by=user, **asked).as_document()
            else:
                started = verbs.start(version, by=user, scheduled_at=form.cleaned_data["scheduled_at"], **asked)
                messages.success(request, _("The rollout has begun; edges take it at their next poll."))
                return redirect("deployments:rollout", pk=started.pk)
        except Refusal as refusal:
            messages.error(request, refusal.detail)
    facts = {"model": version, "form": form, "count": bounded_count(edges_for(version, user)), "preview": shown}
    return render(request, "deployments/rollout_new.html", facts)


@require_POST
def rollout_advance(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Open the next wave now."""
    return _act(request, pk, verbs.open_next, _("The next wave is open."))


@require_POST
def rollout_pause(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Offer it to no further edge for now."""
    return _act(request, pk, verbs.pause, _("Paused: no further edge is offered this version."))


@require_POST
def rollout_resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Go on where it was paused."""
    return _act(request, pk, verbs.resume, _("Resumed."))


@require_POST
def rollout_abort(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End it where it stands."""
    viewer(request)
    if request.POST.get("confirmation", "").strip() != ABORTION:
        messages.error(request, _("Nothing was done: type %(word)s to confirm.") % {"word": ABORTION})
        return redirect("deployments:rollout", pk=pk)
    return _act(request, pk, verbs.abort, _("Aborted: no further edge is offered this version."))


@require_POST
def rollout_rollback(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Bring every edge back to the version it last completed; one person is enough."""
    viewer(request)
    if request.POST.get("confirmation", "").strip() != CONFIRMATION:
        messages.error(request, _("Nothing was done: type %(word)s to confirm.") % {"word": CONFIRMATION})
        return redirect("deployments:rollout", pk=pk)
    return _act(request, pk, verbs.rollback, _("Rolling back: edges return to the version they ran before."))


@require_POST
def deployment_retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have one edge try its failed deployment once more."""
    user = viewer(request)
    shown = found(ModelDeployment.objects.visible_to(user).select_related("edge_server"), pk=pk)
    here = reverse("deployments:rollout", args=[shown.rollout_id]) if shown.rollout_id else None
    return carry_out(
        request,
        lambda: deployment_verbs.retry(shown, by=user),
        done=_("The edge tries it once more at its next poll."),
        then=here or reverse("deployments:edge", args=[shown.edge_server_id]),
    )


@require_POST
def model_rollback(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a model version back from every edge; its number must be typed."""
    user = viewer(request)
    version = found(ModelVersion.objects.visible_to(user), pk=pk)
    here = reverse("training:model", args=[pk])
    if request.POST.get("confirmation", "").strip() != version.version:
        messages.error(request, _("Nothing was done: type %(word)s to confirm.") % {"word": version.version})
        return redirect(here)
    return carry_out(request, lambda: rollback_verbs.of_model(version, by=user), done=_said_of_return, then=here)


CONFIRMATION, ABORTION = "roll back", "abort"


def viewer(request: HttpRequest) -> User:
    """Answer who looks on, if they may look at the fleet at all; raises Refused."""
    require(request.user, Permission.VIEW_FLEET)
    assert isinstance(request.user, User)
    return request.user


def _act(request: HttpRequest, pk: UUID, verb: Callable[..., Any], done: str) -> HttpResponse:
    user = viewer(request)
    shown = found(Rollout.objects.visible_to(user), pk=pk)
    return carry_out(request, lambda: verb(shown, by=user), done=done, then=reverse("deployments:rollout", args=[pk]))


def _allowed(shown: Rollout, user: User) -> dict[str, bool]:
    """Tell which acts this page offers to `user`; the verbs ask again."""
    may_deploy = is_allowed(user, Permission.DEPLOY, shown)
    return {
        "advance": may_deploy and shown.state == RolloutState.RUNNING and shown.waves.filter(opened_at__isnull=True).exists(),
        "pause": may_deploy and shown.can_move(RolloutState.PAUSED),
        "resume": may_deploy and shown.state == RolloutState.PAUSED,
        "abort": may_deploy and shown.can_move(RolloutState.ABORTED),
        "roll_back": is_allowed(user, Permission.ROLL_BACK, shown) and shown.can_move(RolloutState.ROLLING_BACK),
    }


def _said_of_return(returned: rollback_verbs.Returned) -> str:
    said = (
        ngettext("%d edge goes back at its next poll.", "%d edges go back at their next poll.", returned.edges) % returned.edges
    )
    left = returned.without_earlier_version
    if not left:
        return said
    kept = ngettext("%d keeps it: nothing came before.", "%d keep it: nothing came before.", left) % left
    return f"{said} {kept}"


def _rows(shown: Rollout, user: User) -> list[dict[str, Any]]:
    """Answer the deployments of a rollout, failed ones first, each with whether it may be tried again."""
    failed_first = Case(When(status=DeploymentStatus.FAILED, then=Value(0)), default=Value(1), output_field=IntegerField())
    first = shown.deployments.order_by(failed_first, "wave__number", "edge_server_id", "created_at")
    keys = list(first.values_list("pk", flat=True)[:SHOWN])  # apart: what a row shows would else be sorted for all of them
    known = (
        ModelDeployment.objects.select_related("edge_server", "wave")
        .prefetch_related("model_version", "replaces")
        .in_bulk(keys)
    )
    rows = [known[key] for key in keys]
    may_deploy = is_allowed(user, Permission.DEPLOY, shown)
    failed = [row.pk for row in rows if row.status == DeploymentStatus.FAILED] if may_deploy else []
    again = set(EdgeSlot.objects.filter(desired_deployment__in=failed, held=False).values_list("desired_deployment", flat=True))
    return [{"deployment": row, "may_retry": row.pk in again} for row in rows]


def _by_wave(shown: Rollout) -> dict[int | None, dict[str, int]]:
    """Count its deployments by wave and status; those of no wave joined later."""
    counts: dict[int | None, dict[str, int]] = {}
    rows = shown.deployments.filter(action=DeploymentAction.INSTALL)
    for wave, status, number in rows.values_list("wave", "status").annotate(Count("pk")).order_by():
        counts.setdefault(wave, {})[status] = number
    return counts


def _waves(shown: Rollout, counts: dict[int | None, dict[str, int]]) -> list[dict[str, Any]]:
    """Answer each wave with how many of its edges have it, are on the way, failed or wait, and a word for how it stands."""
    table = []
    for wave in shown.waves.order_by("number"):
        shares = _shares(counts.get(wave.pk, {}))
        ended = shares["total"] - shares["on_the_way"]
        state = "completed" if wave.finished_at else "running" if wave.opened_at else "pending"
        table.append({"wave": wave, "state": state, "ended": ended, **shares})
    return table


def _rule(shown: Rollout, waves: list[dict[str, Any]]) -> str:
    """Say which rule decides what happens next, with the figures it looks at."""
    open_waves = [row["wave"] for row in waves if row["state"] == "running"]
    if shown.state != RolloutState.RUNNING or not open_waves:
        return ""
    wave = open_waves[-1]
    verdict = advancing.judged(shown, wave, health.read(shown.measured), timezone.now())
    is_last = wave.pk == waves[-1]["wave"].pk
    then = _("Then it is complete.") if is_last else _("Then wave %d opens.") % (wave.number + 1)
    failed = max(0, sum(row["failed"] for row in waves) - shown.failures_accepted)
    borne = advancing.rules_of(shown).error.of(sum(row["total"] for row in waves))
    bears = _("%(failed)d failed so far, more than %(borne)d stops it.") % {"failed": failed, "borne": borne}
    return " ".join([_("Wave %(number)d: %(rule)s") % {"number": wave.number, "rule": verdict.sentence}, then, bears])


def _health(shown: Rollout) -> list[dict[str, Any]]:
    """Lay out what edges measured of what they had and of this version; nothing where nothing was measured."""
    old, new = health.read(shown.before), health.read(shown.measured)
    if not new.images and not new.errors:
        return []
    figures = [
        (_("Images answered"), f"{old.images:,}", f"{new.images:,}"),
        (_("95 of 100 within"), _milliseconds(old.p95_ms), _milliseconds(new.p95_ms)),
        (_("Could not be answered"), f"{old.error_rate:.1%}", f"{new.error_rate:.1%}"),
        (_("Empty answers"), f"{old.empty_rate:.1%}", f"{new.empty_rate:.1%}"),
    ]
    shift = health.shifted(new.confidence, old.confidence)
    if shift is not None:
        figures.append((_("Answers whose confidence moved"), "–", f"{shift:.0%}"))
    return [{"name": name, "before": before, "now": now} for name, before, now in figures]


def _milliseconds(number: float | None) -> str:
    return "–" if number is None else f"{number:g} ms"


def _counts(rollouts: list[UUID]) -> dict[UUID, dict[str, int]]:
    """Count deployments per rollout and status, in one query."""
    rows = ModelDeployment.objects.filter(rollout__in=rollouts, action="install")
    counts: dict[UUID, dict[str, int]] = {}
    for key, status, number in rows.values_list("rollout", "status").annotate(Count("pk")).order_by():
        counts.setdefault(key, {})[status] = number
    return counts


def _shares(counts: dict[str, int]) -> dict[str, Any]:
    """Answer totals and the percent that arrived."""
    total = sum(counts.values())
    arrived = counts.get(DeploymentStatus.COMPLETED, 0)
    return {
        "total": total,
        "arrived": arrived,
        "failed": counts.get(DeploymentStatus.FAILED, 0),
        "on_the_way": sum(counts.get(status, 0) for status in OPEN),
        "percent": round(100 * arrived / total) if total else 0,
    }


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Missing("There is no such model version, or it is not within your reach.") from error
