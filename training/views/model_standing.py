"""What a version's page says beside its figures: where it came from, who may decide, and what of the plan it takes."""

from typing import Any

from django.conf import settings

from accounts.models import User
from accounts.policy import Permission, users_who_may
from training import ancestry, plan
from training.models import ModelRegistration, ModelStatus, ModelVersion

NAMED = 8


def standing_facts(version: ModelVersion) -> dict[str, Any]:
    """Answer the registration it came by, who may approve it, the slots of its customer's plan, and how many were erased."""
    return {
        "registration": ModelRegistration.objects.filter(model_version=version).first(),
        "approvers": approvers_of(version) if version.status in (ModelStatus.DRAFT, ModelStatus.TESTING) else None,
        "slots": _slots(version) if version.organization else None,
        "erased": ancestry.erased_count(version),
    }


def approvers_of(version: ModelVersion) -> list[User]:
    """Answer the first people who may approve a version: where four eyes are needed, not the one who asked for it."""
    people = users_who_may(Permission.APPROVE_MODEL).order_by("name")
    if settings.APPROVAL_FOUR_EYES:
        people = people.exclude(pk=version.requested_by_id)
    return list(people[:NAMED])


def _slots(version: ModelVersion) -> dict[str, int]:
    assert version.organization is not None
    used = plan.released_by([version.organization]).filter(module=version.module_id).count()
    return {"used": used, "limit": version.organization.limits.active_models_per_module}
