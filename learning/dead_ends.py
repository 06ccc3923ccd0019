"""Work that waits for nobody: whoever could do it judged the sample already, is paused, or left."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.policy import Permission, roles_that_may
from core.paging import bounded_count
from learning.models import Adjudicators, AiModule, AnnotatorPause, ReviewSlot, SlotKind, SlotState
from learning.models.review import queue_key

WAITING = (SlotState.OPEN, SlotState.LEASED)
NEEDS = {
    "dispute": Permission.ADJUDICATE,
    "check": Permission.ADJUDICATE,
    "judge": Permission.ANNOTATE,
    "returned": Permission.ANNOTATE,
}
# Each group of who judged before is met by its first index entry (a loose index scan, as in the claim), whatever its size
GROUPS = """
WITH RECURSIVE groups(queue_key, judged_by) AS (
    SELECT key, (SELECT judged_by FROM review_slots
                 WHERE state IN ('open', 'leased') AND queue_key = key ORDER BY judged_by LIMIT 1)
    FROM (SELECT '' AS key WHERE 1 = 0 UNION ALL VALUES {keys}) AS keys
    UNION ALL
    SELECT queue_key, (SELECT later.judged_by FROM review_slots later
                       WHERE later.state IN ('open', 'leased') AND later.queue_key = groups.queue_key
                       AND later.judged_by > groups.judged_by ORDER BY later.judged_by LIMIT 1)
    FROM groups WHERE judged_by IS NOT NULL
)
SELECT queue_key, judged_by FROM groups WHERE judged_by IS NOT NULL
"""


@dataclass(frozen=True)
class DeadEnd:
    """Slots of one queue of a module that nobody who is here may have: how many (bounded), and what helps.

    It `is_deserted` where nobody at all may work in this queue now.
    """

    module: AiModule
    queue: str
    samples: str
    slots: QuerySet[ReviewSlot]
    remedies: tuple[str, ...]
    is_deserted: bool = False

    @property
    def sentence(self) -> str:
        """Say what waits for nobody, and why."""
        count = int(self.samples.rstrip("+").replace(",", ""))
        text = _told(self.queue, count)
        senior = NEEDS[self.queue] == Permission.ADJUDICATE
        if not self.is_deserted:
            why = _("whoever is here judged the same samples")
        elif senior:
            why = _("there is no reviewer who may judge in this module now")
        else:
            why = _("there is no one who may judge in this module now")
        return text % {"n": self.samples, "module": self.module.name, "why": why}


def _told(queue: str, count: int) -> str:
    if queue == "dispute":
        return ngettext(
            "%(n)s dispute in %(module)s can be settled by nobody: %(why)s.",
            "%(n)s disputes in %(module)s can be settled by nobody: %(why)s.",
            count,
        )
    if queue == "check":
        return ngettext(
            "%(n)s check in %(module)s can be done by nobody: %(why)s.",
            "%(n)s checks in %(module)s can be done by nobody: %(why)s.",
            count,
        )
    return ngettext(
        "%(n)s sample in %(module)s waits for a person who is not there: %(why)s.",
        "%(n)s samples in %(module)s wait for a person who is not there: %(why)s.",
        count,
    )


def dead_ends(modules: Iterable[AiModule]) -> list[DeadEnd]:
    """Answer what waits for nobody in these modules; people may have left, lost their role or been paused since it began."""
    shown = {module.pk: module for module in modules}
    may = _people(set(NEEDS.values()))
    paused: dict[int, set[int]] = defaultdict(set)
    for key, user in AnnotatorPause.objects.standing().filter(module__in=shown).values_list("module", "user"):
        paused[key].add(user)
    groups = _groups([queue_key(key, queue) for key in shown for queue in NEEDS])
    found = []
    for key, module in shown.items():
        for queue, need in NEEDS.items():
            present = may[need] - paused[key]
            lost = [judged for judged in groups[queue_key(key, queue)] if present <= _spelled(judged)]
            slots = _lost(queue_key(key, queue), lost, present) if lost else ReviewSlot.objects.none()
            if lost and slots.exists():
                remedies = tuple(_remedies(module, queue, slots, may[need], present))
                found.append(DeadEnd(module, queue, bounded_count(slots), slots, remedies, not present))
    return found


def _people(needs: Collection[Permission]) -> dict[Permission, set[int]]:
    """Answer who may do each of these now, of one question."""
    roles = {need: set(roles_that_may(need)) for need in needs}
    known = list(User.objects.filter(is_active=True, role__in=set().union(*roles.values())).values_list("pk", "role"))
    return {need: {pk for pk, role in known if role in roles[need]} for need in needs}


def _groups(keys: Sequence[str]) -> dict[str, list[str]]:
    """Answer queue → the groups (judged_by) in which something waits there."""
    groups: dict[str, list[str]] = defaultdict(list)
    if not keys:
        return groups
    with connection.cursor() as cursor:
        cursor.execute(GROUPS.format(keys=", ".join(["(%s)"] * len(keys))), keys)
        for key, judged_by in cursor.fetchall():
            groups[key].append(judged_by)
    return groups


def _spelled(judged_by: str) -> set[int]:
    return {int(key) for key in judged_by.split(",") if key}


def _lost(key: str, groups: Sequence[str], present: Collection[int]) -> QuerySet[ReviewSlot]:
    """Select what waits in these groups, but for what one person who is here has or is to have; gold goes by itself."""
    rows = ReviewSlot.objects.filter(queue_key=key, judged_by__in=groups, state__in=WAITING).exclude(kind=SlotKind.GOLD)
    rows = rows.exclude(state=SlotState.LEASED, lease_user__in=present, lease_until__gte=timezone.now())
    return rows.filter(Q(only_user__isnull=True) | ~Q(only_user__in=present))


def _remedies(module: AiModule, queue: str, slots: QuerySet[ReviewSlot], may: set[int], present: set[int]) -> Iterable[str]:
    """Answer what would help, the nearest first."""
    judged = [_spelled(group) for group in slots.order_by().values_list("judged_by", flat=True).distinct()[:100]]
    if any((may - present) - group for group in judged):
        yield _("Let somebody on again who is paused in this module.")
    if queue == "dispute" and module.policy.adjudicators == Adjudicators.OTHERS and present:
        yield _("Let any reviewer settle disputes, also who judged the sample, in the review policy of this module.")
    if queue in {"judge", "returned"} and module.policy.most_judgements > 1:
        yield _("Ask for fewer judgements of a sample in the review policy of this module.")
    senior = NEEDS[queue] == Permission.ADJUDICATE
    yield _("Add a reviewer, or give somebody that role.") if senior else _("Add somebody who judges.")
