"""A person or a machine; every verb has a `by` that is one of them."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from accounts.models.organization import Organization


class Role(models.TextChoices):
    """What a user is here; policy.py says what each may do."""

    SUPER_ADMIN = "super_admin"
    REVIEWER = "reviewer"
    ANNOTATOR = "annotator"
    ORGANIZATION_ADMIN = "organization_admin"
    MEMBER = "member"
    CITY = "city"
    EDGE = "edge"
    PIPELINE = "pipeline"


MACHINE_ROLES = frozenset({Role.CITY, Role.EDGE, Role.PIPELINE})
HUB_ROLES = frozenset({Role.SUPER_ADMIN, Role.REVIEWER, Role.ANNOTATOR})


class UserManager(BaseUserManager["User"]):
    """Makes people (with an address) and machines (with a name)."""

    def create_user(self, name: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user; without a password nobody can log in as them."""
        email = self.normalize_email(fields.pop("email", "")).lower()
        user = self.model(name=name, email=email or None, **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a person by e-mail address, whatever its case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person (logs in by e-mail) or a machine (by key), with one role."""

    name = models.CharField(max_length=150, unique=True)
    email = models.EmailField(unique=True, null=True, blank=True)
    role = models.CharField(max_length=20, choices=Role, default=Role.MEMBER)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="users")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    limited_to: frozenset[str] | None = None
    """What a request may do at most that was made with a limited key, as permissions; not a column."""

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        db_table = "users"
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known"),
            models.CheckConstraint(
                condition=models.Q(role__in=sorted(MACHINE_ROLES)) | models.Q(email__isnull=False), name="user_person_has_email"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_machine(self) -> bool:
        """Tell whether this is a machine user."""
        return self.role in MACHINE_ROLES

    @property
    def is_hub_staff(self) -> bool:
        """Tell whether this user belongs to the hub itself and to no customer."""
        return self.role in HUB_ROLES and self.organization_id is None

    @property
    def is_staff(self) -> bool:
        """Super admins may enter the upkeep pages (Django's own word for it)."""
        return self.role == Role.SUPER_ADMIN

    def has_perm(self, permission: str, obj: Any = None) -> bool:
        """Ask the policy, in Django's words."""
        from accounts.policy import is_allowed

        return is_allowed(self, permission, obj)

    def has_module_perms(self, app_label: str) -> bool:
        """Super admins see every app's upkeep pages."""
        return self.is_active and self.is_staff
