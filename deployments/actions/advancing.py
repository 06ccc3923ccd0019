"""How a rollout moves on: waves open, edges are offered the version when it is their turn, and the plan's rules are asked.

Everything here works on a locked rollout, in the caller's transaction.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import BooleanField, Case, Count, Q, Value, When
from django.utils import timezone
from securesystemslib.signer import Signer

from accounts.actions.event import record
from accounts.models import User
from core.errors import Conflict, Invalid
from deployments import assignments, freezing, health, judging, offering, plan, windows
from deployments.health import Measured
from deployments.judging import Standing, Step
from deployments.models import DeploymentStatus, EdgeTelemetry, FleetFreeze, Rollout, RolloutState, RolloutWave
from deployments.models.deployment import OPEN, DeploymentAction, ModelDeploymentQuerySet
from deployments.plan import Plan
from training.models import ModelStatus, ModelVersion

LOOKED_BACK = timedelta(days=7)
MOST_MEASURES = 5_000
"""Hours of edges that are looked at, the newest: enough to judge by, and read in a moment."""


def rules_of(rollout: Rollout) -> Plan:
    """Answer the plan of a rollout, read."""
    return plan.read({name: rule for name, rule in rollout.plan.items() if name != "edges"})


def launch(rollout: Rollout, signer: Signer) -> None:
    """Write the waves, and open the first; raises Conflict or Invalid where no edge can take it."""
    rules = rules_of(rollout)
    edges = offering.reachable(rollout.model_version, rollout.plan["edges"], rules.group)
    assignments.lock(edges)
    waves = offering.plan_deployments(rollout, edges, rules.sizes(len(edges)), rollout.created_by)
    rollout.move(RolloutState.RUNNING, started_at=timezone.now())
    _open(rollout, waves[0], rules, signer)


def step(rollout: Rollout, signer: Signer) -> None:
    """Take the step that is due, if one is."""
    match rollout.state:
        case RolloutState.SCHEDULED:
            _launch_if_due(rollout, signer)
        case RolloutState.RUNNING:
            _go_on(rollout, rules_of(rollout), signer)
        case RolloutState.ROLLING_BACK:
            end_rolling_back(rollout)
        case RolloutState.COMPLETED:
            _let_join(rollout, rules_of(rollout), signer)


def open_next(rollout: Rollout, signer: Signer) -> RolloutWave | None:
    """End the waves that are open and open the next one; answers it, or None where there is none."""
    now, rules = timezone.now(), rules_of(rollout)
    following = rollout.waves.filter(opened_at__isnull=True).order_by("number").first()
    if following is not None:
        rollout.waves.filter(opened_at__isnull=False, finished_at__isnull=True).update(finished_at=now)
        _open(rollout, following, rules, signer)
    return following


def stop(rollout: Rollout, sentence: str) -> int:
    """Abort: what was offered to nobody yet never is; answers of how many edges."""
    rollout.move(RolloutState.ABORTED, finished_at=timezone.now(), stopped_because=sentence)
    waiting = rollout.deployments.filter(status=DeploymentStatus.PENDING, offered_at__isnull=True)
    return waiting.update(status=DeploymentStatus.SUPERSEDED)


def take_back(rollout: Rollout, by: User, signer: Signer, sentence: str = "") -> tuple[int, int]:
    """Send each edge that it reached back; answers how many go, and how many have nothing to go back to."""
    rollout.move(RolloutState.ROLLING_BACK, stopped_because=sentence)
    reached = offering.reached(rollout)
    _installs(rollout).filter(status__in=OPEN).update(status=DeploymentStatus.SUPERSEDED)
    returns, stranded = offering.send_back(rollout.model_version, dict.fromkeys(reached, rollout.pk), by, signer)
    return len(returns), len(stranded)


def end_rolling_back(rollout: Rollout) -> None:
    """End it once every edge has gone back."""
    if not rollout.deployments.open().exists():
        rollout.move(RolloutState.ROLLED_BACK, finished_at=timezone.now())
        record(None, "end_rollback", rollout)


def failures(rollout: Rollout) -> int:
    """Answer how many deployments failed or fell silent so far."""
    whole = sum_of(standings(rollout, rules_of(rollout)).values())
    return whole.failed + whole.silent


def standings(rollout: Rollout, rules: Plan) -> dict[int, Standing]:
    """Answer how the edges of each wave that is open, or was, stand."""
    late = Q(status__in=OPEN, offered_at__lt=timezone.now() - rules.error.silent_after) if rules.error.silent_after else None
    silent = Case(When(late, then=Value(True)), default=Value(False)) if late else Value(False, BooleanField())
    rows = _installs(rollout).filter(wave__opened_at__isnull=False).annotate(is_silent=silent)
    counts: dict[int, Counter[str]] = {}
    for wave, status, is_silent, number in rows.values_list("wave", "status", "is_silent").annotate(Count("pk")).order_by():
        counts.setdefault(wave, Counter())["silent" if is_silent else status] += number
    return {
        wave: Standing(found.total(), found[DeploymentStatus.COMPLETED], found[DeploymentStatus.FAILED], found["silent"])
        for wave, found in counts.items()
    }


def sum_of(waves: Collection[Standing]) -> Standing:
    """Add them up."""
    return Standing(*(sum(getattr(wave, name) for wave in waves) for name in ("total", "completed", "failed", "silent")))


def judged(rollout: Rollout, wave: RolloutWave, measured: Measured, now: datetime) -> judging.Verdict:
    """Answer what the rules say of a running rollout with this newest open wave; nothing is changed."""
    rules = rules_of(rollout)
    stood = standings(rollout, rules)
    whole = sum_of(stood.values())
    return judging.judge(
        rules,
        stood.get(wave.pk, Standing()),
        whole,
        edges=_installs(rollout).count(),
        accepted=rollout.failures_accepted,
        settled_at=wave.settled_at,
        now=now,
        images=measured.images,
        complaints=health.complaints(rules.health, measured, health.read(rollout.before)),
        last_failed=_last_failed(rollout) if whole.failed else "",
    )


def refuse_unreleased(version: ModelVersion) -> None:
    """Raise Conflict for a version that may not be deployed."""
    if not version.is_released:
        raise Conflict(f"Only a released version can be deployed; this one is {version.status}.")


def _launch_if_due(rollout: Rollout, signer: Signer) -> None:
    if rollout.scheduled_at is not None and rollout.scheduled_at > timezone.now():
        return
    if freezing.frozen(rollout.organization_id):
        return  # it begins when the freeze is lifted
    try:
        refuse_unreleased(rollout.model_version)
        with transaction.atomic():
            launch(rollout, signer)
    except (Conflict, Invalid) as refusal:
        rollout.refresh_from_db()
        rollout.move(RolloutState.ABORTED, finished_at=timezone.now(), stopped_because=refusal.detail)
        record(None, "abort", rollout)


def _go_on(rollout: Rollout, rules: Plan, signer: Signer) -> None:
    now = timezone.now()
    if rollout.model_version.status != ModelStatus.RELEASED:
        sentence = f"The model version is {rollout.model_version.status}; it is not sent to further edges."
        pause(rollout, sentence)
        return
    wave = rollout.waves.filter(opened_at__isnull=False, finished_at__isnull=True).order_by("-number").first()
    if wave is None:
        return
    verdict = judged(rollout, wave, _measured(rollout), now)
    match verdict.step:
        case Step.REACT:
            _react(rollout, rules, verdict.sentence, signer)
            return
        case Step.ADVANCE:
            wave.finished_at = now
            wave.save(update_fields=["finished_at"])
            if open_next(rollout, signer) is None:
                rollout.move(RolloutState.COMPLETED, finished_at=now)
                record(None, "complete", rollout)
            return
        case Step.SETTLE:
            wave.settled_at = now
            wave.save(update_fields=["settled_at"])
        case Step.WAIT:
            pass
    _offer_due(rollout, rules, signer, now)


def _react(rollout: Rollout, rules: Plan, sentence: str, signer: Signer) -> None:
    """Do what the plan says is done when a rule is broken; nobody is asked."""
    if rules.reaction == "abort":
        record(None, "abort", rollout, reason=sentence, spared=stop(rollout, sentence))
    elif rules.reaction == "roll_back":
        returned, stranded = take_back(rollout, rollout.created_by, signer, sentence)
        record(None, "rollback", rollout, reason=sentence, edges=returned, without_earlier_version=stranded)
        end_rolling_back(rollout)
    else:
        pause(rollout, sentence)


def pause(rollout: Rollout, sentence: str) -> None:
    """Open no further wave until a person says so, in the caller's transaction."""
    rollout.move(RolloutState.PAUSED, stopped_because=sentence)
    record(None, "pause", rollout, reason=sentence)


def _open(rollout: Rollout, wave: RolloutWave, rules: Plan, signer: Signer) -> None:
    now = timezone.now()
    rollout.waves.filter(pk=wave.pk).update(opened_at=now)
    _remember(rollout, wave, now)
    waiting = _offer_due(rollout, rules, signer, now)
    record(None, "open_wave", rollout, wave=wave.number, edges=rollout.deployments.filter(wave=wave).count(), waiting=waiting)


def _offer_due(rollout: Rollout, rules: Plan, signer: Signer, now: datetime) -> int:
    """Offer the version to the edges of open waves whose turn it is; answers how many wait for a window, their turn or a thaw."""
    mine = _installs(rollout).filter(wave__opened_at__isnull=False, status=DeploymentStatus.PENDING, offered_at__isnull=True)
    rows = mine.order_by("wave__number", "edge_server").values_list(
        "edge_server_id", "edge_server__window", "edge_server__organization_id"
    )
    waiting = list(rows)
    if not waiting:
        return 0
    held = set(FleetFreeze.objects.filter(lifted_at__isnull=True).values_list("organization_id", flat=True))
    due = [
        edge
        for edge, window, organization in waiting
        if not held & {None, organization} and (not rules.windows or windows.is_open(window, now))
    ]
    chosen = sorted(due[: _room(rollout, rules)])
    if chosen:
        offering.offer(chosen, rollout.model_version.module_id, signer)
    return len(waiting) - len(chosen)


def _room(rollout: Rollout, rules: Plan) -> int | None:
    """Answer how many more edges may be on the way; None: any number."""
    if rules.concurrency is None:
        return None
    busy = _installs(rollout).filter(status__in=OPEN, offered_at__isnull=False)
    if rules.error.silent_after:
        busy = busy.filter(offered_at__gte=timezone.now() - rules.error.silent_after)
    return max(0, rules.concurrency - busy.count())


def _let_join(rollout: Rollout, rules: Plan, signer: Signer) -> None:
    """Send a standing rollout's version to edges that came since, under the approval it has; a newer rollout takes its place."""
    version = rollout.model_version
    later = Rollout.objects.filter(
        model_version__module=version.module_id, organization=rollout.organization_id, created_at__gt=rollout.created_at
    )
    if not version.is_released or later.exclude(state__in=[RolloutState.DRAFT, RolloutState.ABORTED]).exists():
        return
    try:
        edges = offering.reachable(version, rollout.plan["edges"], rules.group)
    except (Conflict, Invalid):
        return
    there = set(rollout.deployments.values_list("edge_server_id", flat=True))
    wave = rollout.waves.order_by("-number").first()
    if wave is None or not (new := [edge for edge in edges if edge not in there]):
        _offer_due(rollout, rules, signer, timezone.now())
        return
    assignments.lock(new)
    offering.join(rollout, [(edge, wave) for edge in new], rollout.created_by)
    record(None, "join", rollout, edges=len(new))
    _offer_due(rollout, rules, signer, timezone.now())


def _remember(rollout: Rollout, wave: RolloutWave, now: datetime) -> None:
    """Add what the wave's edges measured of what they ran in the last week, for the new version to be held against."""
    edges = _installs(rollout).filter(wave=wave).values("edge_server")
    rows = EdgeTelemetry.objects.filter(
        edge_server__in=edges, module=rollout.model_version.module_id, hour__gte=now - LOOKED_BACK
    )
    earlier = rows.exclude(version=rollout.model_version.version).order_by("-hour")
    known = health.read(rollout.before)
    known.add(health.summed(earlier.values_list("measured", flat=True)[:MOST_MEASURES]))
    rollout.before = known.as_document()
    rollout.save(update_fields=["before"])


def _measured(rollout: Rollout) -> Measured:
    """Sum what edges measured of the new version since it began, and keep it for the page."""
    began = (rollout.started_at or rollout.created_at).replace(minute=0, second=0, microsecond=0)
    edges = _installs(rollout).filter(offered_at__isnull=False).values("edge_server")
    version = rollout.model_version
    rows = EdgeTelemetry.objects.filter(module=version.module_id, version=version.version, hour__gte=began)
    newest = rows.filter(edge_server__in=edges).order_by("-hour").values_list("measured", flat=True)[:MOST_MEASURES]
    found = health.summed(newest)
    if found.as_document() != rollout.measured:
        rollout.measured = found.as_document()
        rollout.save(update_fields=["measured"])
    return found


def _last_failed(rollout: Rollout) -> str:
    failed = _installs(rollout).filter(status=DeploymentStatus.FAILED).select_related("edge_server")
    last = failed.latest("created_at", "pk")
    return f"{last.edge_server.name}: {last.error_message[:200] or 'no reason given'}"


def _installs(rollout: Rollout) -> ModelDeploymentQuerySet:
    """Select what counts for the rules: not the ways back, nor what another rollout took over, nor what a person sent back."""
    gone = [DeploymentStatus.SUPERSEDED, DeploymentStatus.ROLLED_BACK]
    return rollout.deployments.filter(action=DeploymentAction.INSTALL).exclude(status__in=gone)
