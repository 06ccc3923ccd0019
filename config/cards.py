"""What asks for an act, by role: each card with its count, its oldest, where it is done, and what would fill it where it is empty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from core.counting import Counted
from deployments.models import EdgeServer, EdgeSlot, Rollout, RolloutState
from learning.models import AiModule, AnnotatorPause, City, Erasure, LearningSample, ReviewSlot, SampleState, SlotState
from learning.models.review import queue_key
from learning.quality_pairs import falling
from learning.silence import SILENT_AFTER, overdue
from training import trust
from training.models import (
    JobStatus,
    ModelStatus,
    ModelVersion,
    SigningRequest,
    SigningState,
    TrainingJob,
    TrustDocument,
)

RECENT = SILENT_AFTER


@dataclass(frozen=True)
class Asked:
    """A card before it is counted; `since` names the moment by which its oldest is found."""

    label: str
    rows: QuerySet[Any]
    url: str
    filled_by: str
    since: str
    tone: str = "waiting"

    def drawn(self, counted: Counted) -> dict[str, Any]:
        """Answer the card as components/card.html shows it."""
        known = {"label": self.label, "value": counted.number, "quiet": counted.is_none, "oldest": counted.oldest}
        return {**known, "tone": self.tone, "url": self.url, "note": self.filled_by}


def asked_of(user: User, may: Mapping[str, bool], modules: Sequence[AiModule]) -> list[Asked]:
    """Answer the cards of what `user` may do something about."""
    cards: list[Asked] = []
    if may["adjudicate"]:
        cards += _review_cards(user, modules)
    if may["approve"]:
        cards += _model_cards(user)
    if may["training"]:
        there = reverse("training:jobs", query={"status": JobStatus.FAILED})
        failed = TrainingJob.objects.visible_to(user).filter(status=JobStatus.FAILED, completed_at__gte=timezone.now() - RECENT)
        filled_by = _("None failed in the last seven days.")
        cards.append(Asked(_("Failed jobs"), failed, there, filled_by, "completed_at", tone="bad"))
    if may["fleet"]:
        cards += _fleet_cards(user)
    if may["store"] and may["training"]:
        there = reverse("learning:cities", query={"stands": "overdue"})
        filled_by = _("Every city sent as often as it is expected to, or within seven days.")
        cards.append(Asked(_("Overdue cities"), overdue(City.objects.visible_to(user)), there, filled_by, "silent_since"))
    return cards


def falling_card(modules: Sequence[AiModule]) -> dict[str, Any]:
    """Answer the modules in which people agree less than in the weeks before, with the deepest fall in words."""
    fallen = falling(modules, timezone.now().date())
    there, note = reverse("learning:quality"), _("Comes when people agree clearly less than in the four weeks before.")
    if fallen:
        first = fallen[0]
        there = reverse("learning:quality", query={"module": first.module.slug})
        facts = {"module": first.module.name, "now": f"{first.now.share or 0:.0%}", "before": f"{first.before.share or 0:.0%}"}
        note = _("%(module)s: %(now)s in the week of %(week)s, %(before)s before") % {**facts, "week": first.week.isoformat()}
    card = {"label": _("Agreement falls"), "value": str(len(fallen)), "quiet": not fallen, "tone": "waiting"}
    return {**card, "url": there, "note": note, "oldest": None}


def erasure_card() -> dict[str, Any]:
    """Answer the erasures that are not done, by the days left of the one that is due first: what counts is not how old it is."""
    waiting = list(Erasure.objects.waiting().order_by("due_at")[: MOST + 1])
    first = waiting[0] if waiting else None
    days = first.days_left if first else 0
    left = _("late") if first and first.is_late else ngettext("%d day left", "%d days left", days) % days
    return {
        "label": _("Erasures due"),
        "value": f"{MOST}+" if len(waiting) > MOST else str(len(waiting)),
        "quiet": first is None,
        "tone": "bad" if first and first.is_late else "waiting",
        "url": reverse("learning:erasures"),
        "note": left if first else _("Comes when somebody asks to be erased."),
        "oldest": None,
    }


MOST = 99


def _review_cards(user: User, modules: Sequence[AiModule]) -> list[Asked]:
    disputed = LearningSample.objects.visible_to(user).filter(state=SampleState.DISPUTED)
    paused = AnnotatorPause.objects.standing()
    return [
        Asked(
            _("Disputed samples"),
            disputed,
            reverse("learning:review", query={"kind": "dispute"}),
            _("Comes when people answer differently about one sample."),
            "received_at",
        ),
        Asked(
            _("To check"),
            _waiting(modules, "check"),
            reverse("learning:review", query={"kind": "check"}),
            _("Comes with the share of judgements that the review policy has checked."),
            "created_at",
        ),
        Asked(
            _("Returned, not done again"),
            _waiting(modules, "returned"),
            reverse("learning:quality"),
            _("Comes when a check gave a judgement back to its person."),
            "created_at",
        ),
        Asked(
            _("Paused people"),
            paused,
            reverse("learning:quality"),
            _("Comes when a gold score falls too low, or a reviewer asks."),
            "since",
        ),
    ]


def _waiting(modules: Sequence[AiModule], queue: str) -> QuerySet[ReviewSlot]:
    keys = [queue_key(module.pk, queue) for module in modules]
    return ReviewSlot.objects.filter(queue_key__in=keys, state__in=[SlotState.OPEN, SlotState.LEASED])


def _model_cards(user: User) -> list[Asked]:
    models = ModelVersion.objects.visible_to(user)
    approved = models.filter(status=ModelStatus.APPROVED, release_requested_at__isnull=True)
    late = TrustDocument.objects.newest().filter(role__in=trust.late(timezone.now()))
    return [
        Asked(
            _("Models to approve"),
            _approvable(user),
            reverse("training:models", query={"status": ModelStatus.TESTING}),
            _("Comes when another person had a model trained and evaluated."),
            "trained_at",
        ),
        Asked(
            _("Models to release"),
            approved,
            reverse("training:models", query={"status": ModelStatus.APPROVED}),
            _("Comes when a model is approved."),
            "approved_at",
        ),
        Asked(
            _("Signatures awaited"),
            SigningRequest.objects.filter(state=SigningState.OPEN),
            reverse("training:signing-requests"),
            _("Comes when a release needs a key that is kept elsewhere."),
            "opened_at",
        ),
        Asked(
            _("Signed documents about to expire"),
            late,
            reverse("training:signing-requests"),
            _("Every signed document is renewed in time."),
            "created_at",
            tone="bad",
        ),
    ]


def _fleet_cards(user: User) -> list[Asked]:
    edges = EdgeServer.objects.visible_to(user)
    slots = EdgeSlot.objects.filter(edge_server__in=edges.in_service())
    there = {stands: reverse("deployments:edges", query={"stands": stands}) for stands in ("silent", "drift", "held")}
    return [
        Asked(
            _("Paused rollouts"),
            Rollout.objects.visible_to(user).filter(state=RolloutState.PAUSED),
            reverse("deployments:rollouts", query={"state": RolloutState.PAUSED}),
            _("A rollout stops itself when edges fail."),
            "started_at",
        ),
        Asked(
            _("Silent edges"),
            edges.silent(),
            there["silent"],
            _("Every edge was heard of lately."),
            "last_seen_at",
            tone="bad",
        ),
        Asked(_("Edges in drift"), slots.drifted(), there["drift"], _("Every edge runs what it shall."), "desired_at"),
        Asked(_("Held edges"), slots.filter(held=True), there["held"], _("No site went back by itself."), "reported_at"),
    ]


def _approvable(user: User) -> QuerySet[ModelVersion]:
    """Answer what `user` may approve: what is in testing, and under four eyes not what they asked for themselves."""
    rows = ModelVersion.objects.visible_to(user).filter(status=ModelStatus.TESTING)
    return rows.exclude(requested_by=user) if settings.APPROVAL_FOUR_EYES else rows
