"""Verbs on organizations."""

from collections.abc import Sequence

from django.db import transaction

from accounts.actions.event import record
from accounts.models import Organization, Plan, User
from accounts.policy import Permission, require
from core import outbound
from core.errors import Conflict, Invalid


@transaction.atomic
def add(slug: str, *, by: User | None, name: str = "", plan: str = Plan.PROFESSIONAL) -> Organization:
    """Make a customer; `by` is None for the command line. Raises Invalid for an unknown plan, Conflict for a taken slug."""
    if by is not None:
        require(by, Permission.MANAGE_PEOPLE)
    if plan not in Plan.values:
        raise Invalid(f"There is no plan {plan}; there are {', '.join(Plan.values)}.")
    if Organization.objects.filter(slug=slug).exists():
        raise Conflict(f"There is an organization {slug} already.")
    organization = Organization.objects.create(slug=slug, name=name or slug, plan=plan)
    record(by, "add", organization, plan=plan)
    return organization


@transaction.atomic
def revise(
    organization: Organization, *, by: User, name: str, plan: str, may_view_images: bool, callback_nets: Sequence[str]
) -> Organization:
    """Change what a customer is called, its plan, whether it sees images, and where it may be called. Raises Invalid.

    A smaller plan takes nothing away that is there; from now on its limits hold.
    """
    require(by, Permission.MANAGE_PEOPLE, organization)
    if plan not in Plan.values:
        raise Invalid(f"There is no plan {plan}; there are {', '.join(Plan.values)}.")
    if not 0 < len(name.strip()) <= 200:
        raise Invalid("A name has 1 to 200 characters.", errors={"name": ["has 1 to 200 characters"]})
    row = Organization.objects.select_for_update().get(pk=organization.pk)
    nets = [str(net) for net in outbound.read_nets(callback_nets)]
    asked = {"name": name.strip(), "plan": plan, "may_view_images": may_view_images, "callback_nets": nets}
    changed = {field: value for field, value in asked.items() if value != getattr(row, field)}
    for field, value in changed.items():
        setattr(row, field, value)
    if changed:
        row.save(update_fields=list(changed))
        record(by, "revise", row, **changed)
    return row


@transaction.atomic
def allow_callbacks(organization: Organization, nets: Sequence[str], *, by: User | None) -> Organization:
    """Name the private networks (CIDR) in which the hub may call this customer's edge servers; `by` is None for the command line."""
    if by is not None:
        require(by, Permission.MANAGE_PEOPLE)
    organization.callback_nets = [str(net) for net in outbound.read_nets(nets)]
    organization.save(update_fields=["callback_nets"])
    record(by, "allow_callbacks", organization, nets=organization.callback_nets)
    return organization
