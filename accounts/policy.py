"""All permission rules: one list of permissions, one table of grants, one question.

What someone may *see* is `visible_to(user)` on each QuerySet: out of reach is 404, seen but refused is 403.
"""

from enum import StrEnum
from typing import Any

from accounts.models import Plan, Role, User
from core.errors import Refused


class Permission(StrEnum):
    """Everything that can be allowed, as app.verb."""

    MANAGE_PEOPLE = "accounts.manage_people"
    MANAGE_KEYS = "accounts.manage_keys"
    VIEW_AUDIT = "accounts.view_audit"
    MANAGE_WEBHOOKS = "accounts.manage_webhooks"

    MANAGE_MODULES = "learning.manage_modules"
    MANAGE_CITIES = "learning.manage_cities"
    MANAGE_STORE = "learning.manage_store"
    UPLOAD_BATCH = "learning.upload_batch"
    VIEW_STORE = "learning.view_store"
    VIEW_IMAGES = "learning.view_images"
    ANNOTATE = "learning.annotate"
    ADJUDICATE = "learning.adjudicate"
    CURATE_SAMPLES = "learning.curate_samples"
    VIEW_COLLECTION = "learning.view_collection"
    MANAGE_COLLECTION = "learning.manage_collection"
    MANAGE_RETENTION = "learning.manage_retention"
    ERASE_DATA = "learning.erase_data"

    VIEW_TRAINING = "training.view_training"
    VIEW_STATUS = "training.view_status"
    READ_FROZEN = "training.read_frozen"
    MANAGE_DATASETS = "training.manage_datasets"
    FREEZE_VERSION = "training.freeze_version"
    RUN_JOBS = "training.run_jobs"
    REGISTER_MODEL = "training.register_model"
    EVALUATE_MODEL = "training.evaluate_model"
    REVISE_MODEL = "training.revise_model"
    APPROVE_MODEL = "training.approve_model"
    RELEASE_MODEL = "training.release_model"
    DEPRECATE_MODEL = "training.deprecate_model"

    VIEW_FLEET = "deployments.view_fleet"
    MANAGE_EDGES = "deployments.manage_edges"
    DEPLOY = "deployments.deploy"
    ROLL_BACK = "deployments.roll_back"
    SPEAK_AS_EDGE = "deployments.speak_as_edge"


P = Permission
_ANNOTATOR = {P.ANNOTATE, P.VIEW_IMAGES}
_READER = {P.VIEW_STORE, P.VIEW_TRAINING, P.VIEW_STATUS, P.VIEW_FLEET, P.VIEW_AUDIT}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.SUPER_ADMIN: frozenset(set(P) - {P.UPLOAD_BATCH, P.SPEAK_AS_EDGE}),
    Role.REVIEWER: frozenset({*_ANNOTATOR, P.ADJUDICATE, P.VIEW_STORE, P.VIEW_COLLECTION}),
    Role.ANNOTATOR: frozenset(_ANNOTATOR),
    Role.ORGANIZATION_ADMIN: frozenset(_READER),
    Role.MEMBER: frozenset(),
    Role.CITY: frozenset({P.UPLOAD_BATCH}),
    Role.EDGE: frozenset({P.SPEAK_AS_EDGE}),
    Role.PIPELINE: frozenset({P.READ_FROZEN}),
}

NEEDS_PORTAL = frozenset(_READER)
"""What an organization admin may do only on a plan that has the portal."""


def is_allowed(user: Any, permission: str, obj: Any = None) -> bool:
    """Tell whether `user` may do `permission` (to `obj`, whose organization must be the user's own or everybody's)."""
    if not isinstance(user, User) or not user.is_active or permission not in GRANTS[Role(user.role)]:
        return False
    if user.limited_to is not None and permission not in user.limited_to:
        return False
    if user.role == Role.ORGANIZATION_ADMIN and permission in NEEDS_PORTAL and not _has_portal(user):
        return False
    return user.organization_id is None or _organization_of(obj) in (None, user.organization_id)


def require(by: Any, permission: Permission, obj: Any = None) -> None:
    """Raise Refused unless `by` may do `permission` to `obj`."""
    if not is_allowed(by, permission, obj):
        raise Refused(
            "You may not do this: your role does not have it. Ask a super admin, if your work needs it.",
            facts={"permission": permission.value},
        )


def users_who_may(permission: Permission) -> Any:
    """Answer the active people whose role grants `permission`, as a QuerySet."""
    return User.objects.filter(is_active=True, role__in=roles_that_may(permission))


def roles_that_may(permission: Permission) -> list[Role]:
    """Answer the roles that are granted `permission`."""
    return [role for role, granted in GRANTS.items() if permission in granted]


def _has_portal(user: User) -> bool:
    return user.organization is not None and Plan(user.organization.plan) == Plan.ENTERPRISE


def _organization_of(obj: Any) -> int | None:
    return getattr(obj, "organization_id", None)
