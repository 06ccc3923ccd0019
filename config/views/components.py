"""The page that shows every component."""

import math

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.templatetags.portal import LOOKS
from core.paging import Page


@require_safe
def components(request: HttpRequest) -> HttpResponse:
    """Show every component in every state, for whoever builds a page."""
    facts = {
        "states": LOOKS,
        "series": {
            "accuracy": [(step, 1 - math.exp(-step / 6)) for step in range(1, 31)],
            "validation accuracy": [(step, 0.95 - 0.9 * math.exp(-step / 5)) for step in range(1, 31)],
        },
        "page": Page([], "next"),
        "now": timezone.now(),
        "value": {"boxes": [{"label": "plate", "bbox": [20, 30, 60, 20]}]},
    }
    return render(request, "components/all.html", facts)
