"""What an API view needs, said by one attribute."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import User
from accounts.policy import is_allowed

if TYPE_CHECKING:  # DRF's views read this module while they are being imported
    from rest_framework.views import APIView


class PolicyPermission(BasePermission):
    """Ask the policy for the view's `permission` (reading) or `permissions[action]`; a view that names none is closed."""

    message = "You may not do this."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Tell whether the speaker may use this view at all; verbs ask again about the object."""
        named = getattr(view, "permissions", {}).get(getattr(view, "action", None)) or getattr(view, "permission", None)
        return named is not None and isinstance(request.user, User) and is_allowed(request.user, named)


class KnownPermission(BasePermission):
    """Let in everybody who is known, but by a key that is limited to something else."""

    message = "This key is for something else."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Tell whether somebody speaks, with all that they may do."""
        return isinstance(request.user, User) and request.user.limited_to is None
