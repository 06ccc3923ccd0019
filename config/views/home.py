"""The first page: what waits for the person who is logged in."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed
from core.paging import bounded_count
from deployments.models import EdgeServer, EdgeSlot, Rollout, RolloutState
from deployments.views.edge import standing
from learning.dead_ends import dead_ends
from learning.models import AiModule, AnnotatorPause, City, Erasure, LearningSample, SampleState, UploadBatch
from learning.quality_pairs import falling
from learning.silence import overdue
from learning.views.review import decided_today, waiting
from training import trust
from training.models import (
    DatasetVersion,
    JobStatus,
    ModelStatus,
    ModelVersion,
    SigningRequest,
    SigningState,
    TrainingJob,
    TrustDocument,
    VersionState,
)

RECENT = timedelta(days=7)
EVENTS = 12
Card = dict[str, Any]


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show what waits for this person, how the loop stands, and what was done last."""
    user = request.user
    assert isinstance(user, User)
    may = {name: is_allowed(user, permission) for name, permission in SEES.items()}
    facts = {
        "queues": _queues() if may["annotate"] else [],
        "today": decided_today(user) if may["annotate"] else 0,
        "cards": _cards(user, may),
        "dead_ends": dead_ends(AiModule.objects.order_by("name")) if may["adjudicate"] else [],
        "loop": _loop(user, may),
        "events": Event.objects.visible_to(user).order_by("-id")[:EVENTS] if may["audit"] else [],
        "may": may,
        "sees_nothing": not any(may.values()),
    }
    return render(request, "home.html", facts)


SEES = {
    "annotate": Permission.ANNOTATE,
    "adjudicate": Permission.ADJUDICATE,
    "store": Permission.VIEW_STORE,
    "training": Permission.VIEW_TRAINING,
    "approve": Permission.APPROVE_MODEL,
    "release": Permission.RELEASE_MODEL,
    "fleet": Permission.VIEW_FLEET,
    "audit": Permission.VIEW_AUDIT,
    "erase": Permission.ERASE_DATA,
    "manage_modules": Permission.MANAGE_MODULES,
}


def _queues() -> list[dict[str, Any]]:
    """Answer each module with how much waits to be judged in it and since when, the fullest first."""
    now = timezone.now()
    rows = []
    for module in AiModule.objects.order_by("name"):
        slots = waiting(module, now)
        count = bounded_count(slots)
        oldest = slots.order_by("id").values_list("created_at", flat=True).first() if count != "0" else None
        rows.append({"module": module, "waiting": count, "oldest": oldest})
    return sorted(rows, key=lambda row: row["waiting"] == "0")


def _cards(user: User, may: dict[str, bool]) -> list[Card]:
    """Answer what asks for an act, each with its count, its oldest, where to do it, and what would fill it."""
    cards = []
    if may["adjudicate"]:
        there = reverse("learning:review", query={"kind": "dispute"})
        disputed = LearningSample.objects.visible_to(user).filter(state=SampleState.DISPUTED)
        filled_by = _("Comes when people answer differently about one sample.")
        cards.append(_card(_("Disputed samples"), disputed, there, filled_by, "received_at"))
        paused, filled_by = AnnotatorPause.objects.standing(), _("Comes when a gold score falls too low, or a reviewer asks.")
        cards.append(_card(_("Paused people"), paused, reverse("learning:quality"), filled_by, "since"))
        cards.append(_falling_card(user))
    cards += _model_cards(user, may)
    cards += _training_cards(user) if may["training"] else []
    cards += _fleet_cards(user) if may["fleet"] else []
    cards += _city_cards(user) if may["store"] and may["training"] else []
    cards += _erasure_cards() if may["erase"] else []
    return sorted(cards, key=lambda card: bool(card["quiet"]))


def _falling_card(user: User) -> Card:
    """Answer the modules in which people agree less than in the weeks before, with the deepest fall in words."""
    fallen = falling(list(AiModule.objects.visible_to(user)), timezone.now().date())
    there, note = reverse("learning:quality"), _("Comes when people agree clearly less than in the four weeks before.")
    if fallen:
        first = fallen[0]
        there = reverse("learning:quality", query={"module": first.module.slug})
        facts = {"module": first.module.name, "now": f"{first.now.share or 0:.0%}", "before": f"{first.before.share or 0:.0%}"}
        note = _("%(module)s: %(now)s in the week of %(week)s, %(before)s before") % {**facts, "week": first.week.isoformat()}
    card: Card = {"label": _("Agreement falls"), "value": str(len(fallen)), "quiet": not fallen, "tone": "waiting"}
    return {**card, "url": there, "note": note, "oldest": None}


def _model_cards(user: User, may: dict[str, bool]) -> list[Card]:
    cards, models = [], ModelVersion.objects.visible_to(user)
    if may["approve"]:
        there = reverse("training:models", query={"status": ModelStatus.TESTING})
        filled_by = _("Comes when another person had a model trained and evaluated.")
        cards.append(_card(_("Models to approve"), _approvable(user), there, filled_by, "trained_at"))
    if may["release"]:
        there = reverse("training:models", query={"status": ModelStatus.APPROVED})
        approved = models.filter(status=ModelStatus.APPROVED)
        ready = approved.filter(release_requested_at__isnull=True)
        filled_by = _("Comes when a model is approved.")
        cards.append(_card(_("Models to release"), ready, there, filled_by, "approved_at"))
        cards += _trust_cards()
    return cards


def _trust_cards() -> list[Card]:
    """Answer what key holders are asked to sign, and which signed documents were not renewed in time."""
    there = reverse("training:signing-requests")
    filled_by = _("Comes when a release needs a key that is kept elsewhere.")
    asked = SigningRequest.objects.filter(state=SigningState.OPEN)
    late = TrustDocument.objects.newest().filter(role__in=trust.late(timezone.now()))
    renewed = _("Every signed document is renewed in time.")
    return [
        _card(_("Signatures awaited"), asked, there, filled_by, "opened_at"),
        _card(_("Signed documents about to expire"), late, there, renewed, "created_at", tone="bad"),
    ]


def _training_cards(user: User) -> list[Card]:
    there = reverse("training:jobs", query={"status": JobStatus.FAILED})
    failed = TrainingJob.objects.visible_to(user).filter(status=JobStatus.FAILED, completed_at__gte=timezone.now() - RECENT)
    return [_card(_("Failed jobs"), failed, there, _("None failed in the last seven days."), "completed_at", tone="bad")]


def _fleet_cards(user: User) -> list[Card]:
    rollouts = reverse("deployments:rollouts", query={"state": RolloutState.PAUSED})
    paused = Rollout.objects.visible_to(user).filter(state=RolloutState.PAUSED)
    edges = EdgeServer.objects.visible_to(user)
    slots = EdgeSlot.objects.filter(edge_server__in=edges.in_service())
    there = {stands: reverse("deployments:edges", query={"stands": stands}) for stands in ("silent", "drift", "held")}
    silent = standing(edges, "silent")
    return [
        _card(_("Paused rollouts"), paused, rollouts, _("A rollout stops itself when edges fail."), "started_at"),
        _card(_("Silent edges"), silent, there["silent"], _("Every edge was heard of lately."), "last_seen_at", tone="bad"),
        _card(_("Edges in drift"), slots.drifted(), there["drift"], _("Every edge runs what it shall."), "desired_at"),
        _card(_("Held edges"), slots.filter(held=True), there["held"], _("No site went back by itself."), "reported_at"),
    ]


def _city_cards(user: User) -> list[Card]:
    """Answer the cities that are silent for longer than they are expected to be."""
    late = overdue(City.objects.visible_to(user))
    there = reverse("learning:cities", query={"stands": "overdue"})
    filled_by = _("Every city sent as often as it is expected to, or within seven days.")
    return [_card(_("Overdue cities"), late, there, filled_by, "silent_since")]


def _erasure_cards() -> list[Card]:
    """Answer the erasures that are not done, by the days left of the one that is due first."""
    waiting, there = Erasure.objects.waiting(), reverse("learning:erasures")
    first = waiting.order_by("due_at").first()
    days = first.days_left if first else 0
    left = _("late") if first and first.is_late else ngettext("%d day left", "%d days left", days) % days
    filled_by = left if first else _("Comes when somebody asks to be erased.")
    tone = "bad" if first and first.is_late else "waiting"
    card = _card(_("Erasures due"), waiting, there, filled_by, "requested_at", tone=tone)
    return [{**card, "oldest": None}]  # what counts is not how old it is


def _approvable(user: User) -> QuerySet[ModelVersion]:
    """Answer what `user` may approve: what is in testing, and under four eyes not what they asked for themselves."""
    rows = ModelVersion.objects.visible_to(user).filter(status=ModelStatus.TESTING)
    return rows.exclude(requested_by=user) if settings.APPROVAL_FOUR_EYES else rows


def _card(label: str, rows: QuerySet[Any], url: str, filled_by: str, since: str, *, tone: str = "waiting") -> Card:
    """Describe a card; `since` names the moment by which the oldest is found, `filled_by` is said where there is nothing."""
    count = bounded_count(rows)
    is_quiet = count == "0"
    oldest = None if is_quiet else rows.order_by(since).values_list(since, flat=True).first()
    return {"label": label, "value": count, "quiet": is_quiet, "tone": tone, "url": url, "note": filled_by, "oldest": oldest}


def _loop(user: User, may: dict[str, bool]) -> list[dict[str, Any]]:
    """Answer the stations of the loop, each with how much is there."""
    stations: list[tuple[str, str, str, QuerySet[Any]]] = []
    if may["store"]:
        samples = LearningSample.objects.visible_to(user)
        stations += [
            ("batches", _("Batches"), reverse("learning:batches"), UploadBatch.objects.visible_to(user)),
            ("samples", _("Samples"), reverse("learning:samples"), samples),
            (
                "review",
                _("Settled"),
                reverse("learning:samples", query={"state": SampleState.SETTLED}),
                samples.filter(state=SampleState.SETTLED),
            ),
        ]
    if may["training"]:
        frozen = DatasetVersion.objects.visible_to(user).filter(state=VersionState.FROZEN)
        released = ModelVersion.objects.visible_to(user).filter(status=ModelStatus.RELEASED)
        stations += [
            ("datasets", _("Frozen versions"), reverse("training:datasets"), frozen),
            ("jobs", _("Jobs"), reverse("training:jobs"), TrainingJob.objects.visible_to(user)),
            ("models", _("Released models"), reverse("training:models", query={"status": ModelStatus.RELEASED}), released),
        ]
    if may["fleet"]:
        edges = EdgeServer.objects.visible_to(user).filter(retired_at__isnull=True)
        stations.append(("edges", _("Edges"), reverse("deployments:edges"), edges))
    return [{"icon": icon, "label": label, "url": url, "value": bounded_count(rows)} for icon, label, url, rows in stations]
