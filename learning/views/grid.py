"""The page on which people judge many samples of one predicted class at once."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.policy import Permission, require
from core.pages import found
from learning.actions.grid import why_not
from learning.desk import beginning
from learning.models import AiModule
from learning.own_work import decided_today
from learning.views.grid_words import WORDS
from learning.views.review import JUDGE


@require_safe
def grid(request: HttpRequest, module: str) -> HttpResponse:
    """Open the grid of a module; the page asks the API for its tiles. Where the module has none, the page says why."""
    require(request.user, Permission.ANNOTATE)
    assert isinstance(request.user, User)
    shown = found(AiModule.objects.visible_to(request.user), slug=module)
    facts: dict[str, Any] = {"module": shown, "today": decided_today(request.user), "why_not": why_not(shown)}
    if not facts["why_not"]:
        facts |= {"start": beginning(shown, shown.schema, request.user, JUDGE), "words": WORDS}
        facts["again"] = f"{shown.policy.grid_full_share * 100:g}"
    return render(request, "learning/grid.html", facts)
