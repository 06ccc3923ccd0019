"""What runs and what came of it, to look at; every act is in the portal."""

from django.contrib.admin import register
from django.urls import reverse

from accounts.policy import Permission
from core.upkeep import Upkeep, site
from training.models import ModelVersion, TrainingJob


@register(TrainingJob, site=site)
class JobAdmin(Upkeep):
    """Jobs, newest first."""

    permission = Permission.VIEW_TRAINING
    list_display = ("name", "module", "trainer", "status", "created_at", "portal")
    list_select_related = ("module",)
    search_fields = ("name__startswith",)
    ordering = ("-created_at",)
    shows = ("name", "organization", "module", "dataset_version", "trainer", "status", "error_message", "created_at")

    def portal_path(self, row: TrainingJob) -> str:
        return reverse("training:job", args=[row.pk])


@register(ModelVersion, site=site)
class ModelVersionAdmin(Upkeep):
    """Model versions, newest first."""

    permission = Permission.VIEW_TRAINING
    list_display = ("name", "version", "module", "organization", "status", "is_active", "portal")
    list_select_related = ("module", "organization")
    search_fields = ("name__startswith",)
    ordering = ("-created_at",)
    shows = ("name", "version", "module", "organization", "status", "is_active", "created_at")

    def portal_path(self, row: ModelVersion) -> str:
        return reverse("training:model", args=[row.pk])
