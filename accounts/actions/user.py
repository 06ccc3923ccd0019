"""Verbs on people and machines."""

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.actions.event import record
from accounts.models import Organization, Role, User
from accounts.models.user import HUB_ROLES, MACHINE_ROLES
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid

INVITATION_SALT = "accounts.invitation"
INVITATION_DAYS = 7


@transaction.atomic
def add(
    name: str,
    *,
    role: str,
    by: User | None,
    email: str = "",
    organization: Organization | None = None,
    password: str | None = None,
) -> User:
    """Make a user. A person has an e-mail address; hub staff belong to no organization; `by` is None for the command line.

    Raises Invalid for an unknown role, a bad address or a role that does not fit, Conflict for a taken name.
    """
    if by is not None:
        require(by, Permission.MANAGE_PEOPLE)
    if role not in Role.values:
        raise Invalid(f"There is no role {role}; there are {', '.join(Role.values)}.")
    if role in HUB_ROLES and organization is not None:
        raise Invalid(f"A {role} works for the hub and belongs to no organization.")
    if role in {Role.ORGANIZATION_ADMIN, Role.MEMBER} and organization is None:
        raise Invalid(f"A {role} belongs to an organization; name it.")
    if role not in MACHINE_ROLES and not email:
        raise Invalid("A person needs an e-mail address.")
    if User.objects.filter(name=name).exists() or (email and User.objects.filter(email=email.lower()).exists()):
        raise Conflict(f"There is a user {name} already.")
    try:
        user = User.objects.create_user(name, password, email=email, role=role, organization=organization)
    except ValidationError as error:
        raise Invalid("; ".join(error.messages)) from error
    record(by, "add", user, role=role)
    return user


def invitation_link(user: User, *, next_url: str = "/") -> str:
    """Answer a link that logs `user` in once, within seven days, and leads on to `next_url`.

    It is spent by the first log-in: the token holds the time of the last one.
    """
    token = signing.dumps([user.pk, _spent_mark(user), next_url], salt=INVITATION_SALT)
    return f"{settings.PUBLIC_URL}/accounts/invitation/{token}/"


def read_invitation(token: str) -> tuple[User, str]:
    """Answer whom the link is for and where it leads; raises Invalid when spent, expired or not ours."""
    try:
        key, mark, next_url = signing.loads(token, salt=INVITATION_SALT, max_age=INVITATION_DAYS * 86_400)
        user = User.objects.get(pk=key, is_active=True)
    except (signing.BadSignature, User.DoesNotExist, ValueError) as error:
        raise Invalid("This link is not valid any more; ask for a new one.") from error
    if mark != _spent_mark(user):
        raise Invalid("This link was used already; ask for a new one.")
    return user, next_url


def _spent_mark(user: User) -> str:
    return f"{user.last_login.timestamp() if user.last_login else 0}:{user.password[-12:]}"
