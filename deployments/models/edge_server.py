"""An edge server, and for each module what it shall run and what it says it runs."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Organization
from learning.models import AiModule, City
from training.models import ModelVersion
from training.semver import numbers_of

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User


DRIFT_GRACE = timedelta(minutes=15)
"""How long an edge may take before it is said to have drifted from what it shall run."""
POLLS_MISSED = 5
MOST_AGENTS = 1_000


class EdgeServerQuerySet(models.QuerySet["EdgeServer"]):
    """Edge servers, and who sees which."""

    def in_service(self) -> "EdgeServerQuerySet":
        """Those not retired."""
        return self.filter(retired_at__isnull=True)

    def visible_to(self, user: "User") -> "EdgeServerQuerySet":
        """Hub staff see all, an edge itself, an organization its own."""
        if user.is_hub_staff:
            return self
        return self.filter(models.Q(user=user) | models.Q(organization_id=user.organization_id or 0))

    def silent(self) -> "EdgeServerQuerySet":
        """Those in service that have missed several polls."""
        return self.in_service().filter(last_seen_at__lt=silent_since())

    def drifting(self) -> "EdgeServerQuerySet":
        """Those in service with a slot that has drifted."""
        return self.in_service().filter(pk__in=EdgeSlot.objects.drifted().values("edge_server"))

    def held(self) -> "EdgeServerQuerySet":
        """Those in service whose site went back from what they shall run."""
        return self.in_service().filter(pk__in=EdgeSlot.objects.filter(held=True).values("edge_server"))

    def never_seen(self) -> "EdgeServerQuerySet":
        """Those in service that nobody has heard of yet."""
        return self.in_service().filter(last_seen_at__isnull=True)

    def with_old_agent(self) -> "EdgeServerQuerySet":
        """Those in service whose agent is older than the newest that any edge in service runs."""
        told = EdgeServer.objects.in_service().exclude(edge_version="").values_list("edge_version", flat=True)
        versions = {version: numbers for version in told.distinct()[:MOST_AGENTS] if (numbers := numbers_of(version))}
        newest = max(versions.values(), default=None)
        return self.in_service().filter(
            edge_version__in=[version for version, numbers in versions.items() if numbers != newest]
        )

    def running(self, version: str, module: AiModule | None = None) -> "EdgeServerQuerySet":
        """Those that say they run this version ("" is none), of one module or of any."""
        slots = EdgeSlot.objects.filter(active_version=version)
        return self.filter(pk__in=(slots.filter(module=module) if module else slots).values("edge_server"))


def silent_since() -> "datetime":
    """Answer the moment before which an edge that was last heard of counts as silent."""
    return timezone.now() - timedelta(seconds=POLLS_MISSED * settings.EDGE_POLL_SECONDS)


class EdgeServer(models.Model):
    """A machine at a site that does all inference itself; `attempt` grows when its hardware is replaced.

    `callback_url` is where the hub pushes its assignment (core/outbound.py judges it); `window` is when it may be changed
    (deployments/windows.py); `telemetry` is what the last heartbeat carried of no module in particular, `heard_sha256` names all
    else that it said (deployments/presence.py).
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    city = models.ForeignKey(City, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="edge_server")
    name = models.CharField(max_length=120, unique=True)
    platform = models.JSONField(default=dict, blank=True)
    edge_version = models.CharField(max_length=40, blank=True)
    runtime = models.JSONField(default=dict, blank=True)
    group = models.CharField(max_length=60, blank=True)
    labels = models.JSONField(default=dict, blank=True)
    window = models.JSONField(default=dict, blank=True)
    callback_url = models.CharField(max_length=200, blank=True)
    telemetry = models.JSONField(default=list, blank=True)
    attempt = models.PositiveIntegerField(default=1)
    assignment_version = models.BigIntegerField(default=0)
    assignment = models.BinaryField(null=True)
    assignment_etag = models.CharField(max_length=64, blank=True)
    assignment_expires_at = models.DateTimeField(null=True)
    enrolled_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    heard_sha256 = models.CharField(max_length=64, blank=True)
    retired_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EdgeServerQuerySet.as_manager()

    class Meta:
        db_table = "edge_servers"
        verbose_name = "edge server"

    def __str__(self) -> str:
        return self.name


class EdgeSlotQuerySet(models.QuerySet["EdgeSlot"]):
    """Slots, by whether they run what they shall."""

    def drifted(self, at: "datetime | None" = None) -> "EdgeSlotQuerySet":
        """Those that have run something else than they shall for longer than the grace."""
        since = (at or timezone.now()) - DRIFT_GRACE
        runs = ModelVersion.objects.filter(pk=models.OuterRef("desired"), version=models.OuterRef("active_version"))
        # not joined and compared: planners take nearly all slots for drifted then, and walk them by an index
        return self.filter(~models.Exists(runs), desired__isnull=False, desired_at__lt=since)


class EdgeSlot(models.Model):
    """A module's place on an edge: desired by the hub, active and previous as reported.

    `held` after the site went back by itself: the desired version is not offered until a person lifts the hold, or another comes.
    `telemetry` is the last that a heartbeat carried of this module.
    """

    id = models.BigAutoField(primary_key=True)
    edge_server = models.ForeignKey(EdgeServer, on_delete=models.CASCADE, related_name="slots")
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+")
    desired = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="+")
    desired_deployment = models.ForeignKey(
        "deployments.ModelDeployment", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    desired_at = models.DateTimeField(null=True)
    active_version = models.CharField(max_length=40, blank=True)
    previous_version = models.CharField(max_length=40, blank=True)
    reported_counter = models.BigIntegerField(null=True)
    reported_at = models.DateTimeField(null=True)
    held = models.BooleanField(default=False)
    held_reason = models.CharField(max_length=200, blank=True)
    telemetry = models.JSONField(default=list, blank=True)
    telemetry_at = models.DateTimeField(null=True)

    objects = EdgeSlotQuerySet.as_manager()

    class Meta:
        db_table = "edge_slots"
        constraints = [models.UniqueConstraint(fields=["edge_server", "module"], name="edge_slot_once_per_module")]

    def __str__(self) -> str:
        return f"{self.module_id} on {self.edge_server_id}"

    @property
    def has_drifted(self) -> bool:
        """Tell whether this slot has run something else than it shall for longer than the grace."""
        if self.desired is None or self.desired_at is None or self.active_version == self.desired.version:
            return False
        return timezone.now() - self.desired_at > DRIFT_GRACE


class EdgeTelemetry(models.Model):
    """What an edge measured of one version in one hour, summed (deployments/health.py); `last` is the newest note that is in it."""

    id = models.BigAutoField(primary_key=True)
    edge_server = models.ForeignKey(EdgeServer, on_delete=models.CASCADE, related_name="measured", db_index=False)
    module = models.ForeignKey(AiModule, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.CharField(max_length=40)
    hour = models.DateTimeField()
    measured = models.JSONField(default=dict)
    last = models.CharField(max_length=40, blank=True)

    class Meta:
        db_table = "edge_telemetry"
        verbose_name = "telemetry"
        indexes = [models.Index(fields=["hour"], name="telemetry_hour")]
        constraints = [
            models.UniqueConstraint(fields=["edge_server", "module", "hour", "version"], name="telemetry_once_an_hour")
        ]

    def __str__(self) -> str:
        return f"{self.version} on {self.edge_server_id}"


class FleetFreeze(models.Model):
    """A person's word that no edge of an organization (none: of anybody) is offered anything, until it is lifted."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "fleet_freezes"
        verbose_name = "freeze"
        constraints = [
            # Coalesce, because SQLite cannot count two absent organizations as the same
            models.UniqueConstraint(
                Coalesce("organization", 0), condition=models.Q(lifted_at__isnull=True), name="fleet_frozen_once"
            )
        ]

    def __str__(self) -> str:
        return f"freeze of {self.organization_id or 'all'}"


class EnrolmentCode(models.Model):
    """A one-time word with which a new machine becomes an edge server; only its hash is kept."""

    edge_server = models.ForeignKey(EdgeServer, on_delete=models.CASCADE, related_name="codes")
    sha256 = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    key_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "enrolment_codes"

    def __str__(self) -> str:
        return f"code for {self.edge_server_id}"
