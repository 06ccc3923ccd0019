"""Verbs on people and machines."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actions.event import record
from accounts.actions.session import end_all
from accounts.models import Organization, Role, User
from accounts.models.user import HUB_ROLES, MACHINE_ROLES
from accounts.policy import Permission, require
from core.errors import Conflict, Invalid, Refused

NOWHERE = "left.invalid"
"""The domain of the addresses of those who left; none is ever delivered to."""
_SUPER_ADMINS = Q(role=Role.SUPER_ADMIN, is_active=True)


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
    _check_place(role, organization)
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


@transaction.atomic
def change_role(user: User, role: str, *, by: User, organization: Organization | None = None) -> User:
    """Give a person another role (and the organization it belongs to); at once, also where they are logged in.

    Raises Refused for oneself, Invalid for a role that does not fit, Conflict where no super admin would be left.
    """
    locked = _another(user, by)
    if role not in Role.values or role in MACHINE_ROLES or locked.is_machine:
        raise Invalid("A person's role is one of people's, and a machine keeps its own.")
    _check_place(role, organization)
    if locked.role == Role.SUPER_ADMIN != role:
        _keep_one_super_admin(locked)
    before = locked.role
    locked.role, locked.organization = role, organization
    locked.save(update_fields=["role", "organization"])
    record(by, "change_role", locked, before=before, role=role)
    return locked


@transaction.atomic
def deactivate(user: User, *, by: User) -> User:
    """Shut somebody out at once: sessions, links and keys end with it. What they did stays. Twice is success.

    Raises Refused for oneself, Conflict where no super admin would be left.
    """
    locked = _another(user, by)
    if not locked.is_active:
        return locked
    _keep_one_super_admin(locked)
    locked.is_active = False
    locked.save(update_fields=["is_active"])
    now = timezone.now()
    locked.invitations.filter(used_at=None, revoked_at=None).update(revoked_at=now)
    locked.access_keys.filter(revoked_at=None).update(revoked_at=now)
    caches["keys"].clear()
    sessions = end_all(locked)
    record(by, "deactivate", locked, sessions=sessions)
    return locked


@transaction.atomic
def reactivate(user: User, *, by: User) -> User:
    """Let somebody back who was shut out; they need a new link or their password, machines a new key.

    Raises Conflict for a person whose name was taken off: who that was is not known any more.
    """
    locked = _another(user, by)
    if is_pseudonym(locked):
        raise Conflict("This person left, and the name was taken off; invite them anew.")
    if not locked.is_active:
        locked.is_active = True
        locked.save(update_fields=["is_active"])
        record(by, "reactivate", locked)
    return locked


@transaction.atomic
def pseudonymise(user: User, *, by: User) -> User:
    """Take name, address, password and second factors off a person who left; labels, figures and the log stay. For good.

    Raises Conflict for who may still log in, Invalid for a machine. Twice is success.
    """
    locked = _another(user, by)
    if locked.is_machine:
        raise Invalid("A machine has no name to take off.")
    if locked.is_active:
        raise Conflict("They may still log in; shut them out first.")
    if not is_pseudonym(locked):
        locked.name = pseudonym_of(locked)
        locked.email = f"{locked.name}@{NOWHERE}"
        locked.set_unusable_password()
        locked.save(update_fields=["name", "email", "password"])
        Authenticator.objects.filter(user=locked).delete()
        EmailAddress.objects.filter(user=locked).delete()
        SocialAccount.objects.filter(user=locked).delete()
        record(by, "pseudonymise", locked)
    return locked


@transaction.atomic
def reset_factors(user: User, *, by: User | None) -> int:
    """Take a person's second factors away, who lost them, and end their sessions; `by` is None for the command line.

    Answers how many there were. Raises Refused for oneself: that is done on the own page.
    """
    locked = _another(user, by) if by is not None else User.objects.select_for_update().get(pk=user.pk)
    taken: int = Authenticator.objects.filter(user=locked).delete()[0]
    if taken:
        record(by, "reset_factors", locked, factors=taken, sessions=end_all(locked))
    return taken


def is_pseudonym(user: User) -> bool:
    """Tell whether this person's name was taken off."""
    return user.name == pseudonym_of(user)


def pseudonym_of(user: User) -> str:
    """Answer the name under which a person is kept who left."""
    return f"person-{user.pk}"


def _another(user: User, by: User) -> User:
    """Lock and answer a user whom `by` may manage, and who is somebody else; raises Refused."""
    require(by, Permission.MANAGE_PEOPLE, user)
    if user.pk == by.pk:
        raise Refused("Another super admin does this for you: nobody changes what they themselves may do.")
    locked = User.objects.select_for_update().filter(Q(pk=user.pk) | _SUPER_ADMINS).order_by("pk")  # all at once: no deadlock
    return next(each for each in locked if each.pk == user.pk)


def _keep_one_super_admin(leaving: User) -> None:
    """Raise Conflict unless another super admin stays; of two who remove each other at once, one is refused."""
    if leaving.role == Role.SUPER_ADMIN and not User.objects.filter(_SUPER_ADMINS).exclude(pk=leaving.pk).exists():
        raise Conflict("This is the last super admin; make another one first.")


def _check_place(role: str, organization: Organization | None) -> None:
    """Raise Invalid unless the role and the organization (or none) go together."""
    if role in HUB_ROLES and organization is not None:
        raise Invalid(f"A {role} works for the hub and belongs to no organization.")
    if role in {Role.ORGANIZATION_ADMIN, Role.MEMBER} and organization is None:
        raise Invalid(f"A {role} belongs to an organization; name it.")
