"""Whether a fleet is frozen: then nothing new is offered to it, and nothing fetched; ways back stay open."""

from core.errors import Conflict
from deployments.models import FleetFreeze


def frozen(organization_id: int | None) -> FleetFreeze | None:
    """Answer the freeze that keeps an organization's edges (None: the hub's own) from being offered anything."""
    held = FleetFreeze.objects.filter(lifted_at__isnull=True).order_by("organization_id")
    return next((row for row in held if row.organization_id in (None, organization_id)), None)


def refuse_frozen(organization_id: int | None) -> None:
    """Raise Conflict where it is frozen."""
    if row := frozen(organization_id):
        because = f": {row.reason}" if row.reason else ""
        raise Conflict(
            f"The fleet is frozen since {row.created_at:%Y-%m-%d %H:%M} UTC{because}. Lift the freeze first.", code="frozen"
        )
