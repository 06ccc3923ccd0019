"""Whether this process lives, and whether what it needs answers."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from health_check.views import HealthCheckView


@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    """Answer that the process runs; touches nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


ready = HealthCheckView.as_view(checks=["health_check.Cache", "health_check.Database"])
