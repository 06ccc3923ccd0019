"""Pages of models that were trained elsewhere: the form that sends one, and what came of it."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.policy import Permission, require
from core.pages import carry_out, found, page_or_partial
from core.paging import keyset_page
from learning.models import AiModule
from training.actions import registration as verbs
from training.models import ModelRegistration, RegistrationState
from training.registration_forms import RegistrationForm, config_examples

PAGE = 30


@require_safe
def registrations(request: HttpRequest) -> HttpResponse:
    """Offer the form, begun for the module of the URL, and list what was registered before."""
    user = _registrar(request)
    modules = AiModule.objects.visible_to(user).order_by("name")
    chosen = modules.filter(slug=request.GET.get("module", "")[:64].replace("\0", "")).first() or modules.first()
    rows = _rows(user).select_related("created_by")
    examples = config_examples(modules)
    facts = {
        "form": RegistrationForm(user=user, module=chosen, config=examples.get(chosen.slug, "") if chosen else ""),
        "module": chosen,
        "examples": examples,
        "max_bytes": settings.MODEL_MAX_BYTES,
        "page": keyset_page(rows, cursor=request.GET.get("cursor", ""), size=PAGE),
    }
    return page_or_partial(request, "training/registrations.html", "live", facts)


@require_safe
def registration(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show one; asked by htmx while a worker looks at the file, only what moves."""
    shown = found(_rows(_registrar(request)).select_related("created_by", "model_version__module"), pk=pk)
    facts = {
        "row": shown,
        "is_moving": shown.state in (RegistrationState.OPEN, RegistrationState.CHECKING),
        "is_open": shown.state == RegistrationState.OPEN,
    }
    return page_or_partial(request, "training/registration_detail.html", "live", facts)


@require_POST
def registration_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give one up whose file was not sent."""
    user = _registrar(request)
    row = found(_rows(user), pk=pk)
    there = reverse("training:registration", args=[pk])
    return carry_out(request, lambda: verbs.cancel(row, by=user), done=_("It was taken back; nothing of it stays."), then=there)


def _registrar(request: HttpRequest) -> User:
    require(request.user, Permission.REGISTER_MODEL)
    assert isinstance(request.user, User)
    return request.user


def _rows(user: User) -> Any:
    return ModelRegistration.objects.visible_to(user).select_related("module", "organization")
