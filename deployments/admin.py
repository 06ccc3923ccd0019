"""Edge servers, to look at; every act is in the portal."""

from django.contrib.admin import register
from django.urls import reverse

from accounts.policy import Permission
from core.upkeep import Upkeep, site
from deployments.models import EdgeServer


@register(EdgeServer, site=site)
class EdgeServerAdmin(Upkeep):
    """Edge servers by name."""

    permission = Permission.VIEW_FLEET
    list_display = ("name", "organization", "city", "edge_version", "last_seen_at", "retired_at", "portal")
    list_select_related = ("organization", "city")
    search_fields = ("name__startswith",)
    ordering = ("name",)
    shows = ("name", "organization", "city", "group", "platform", "edge_version", "enrolled_at", "last_seen_at", "retired_at")

    def portal_path(self, row: EdgeServer) -> str:
        return reverse("deployments:edge", args=[row.pk])
