"""The pages of webhooks: which there are, what each was told, and sending it again."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actions import webhook as verbs
from accounts.actions.delivering import MOST_TRIES
from accounts.forms import WebhookForm
from accounts.models import User, Webhook, WebhookDelivery
from accounts.policy import Permission, require
from accounts.topics import TOPICS
from accounts.webhook_signature import secret_of
from core.errors import Refusal
from core.pages import carry_out, found
from core.paging import keyset_page

PAGE = 50
TO_SHOW = "webhook-to-show"
"""Under which a session remembers whose secret is shown next; the secret itself stands nowhere."""


@require_http_methods(["GET", "HEAD", "POST"])
def webhooks(request: HttpRequest) -> HttpResponse:
    """Show the webhooks in use and what waits for each; POST adds one."""
    user = _keeper(request)
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            hook, _secret = verbs.add(by=user, **form.cleaned_data)
        except Refusal as refusal:
            form.add_error(None, refusal.detail)
        else:
            request.session[TO_SHOW] = str(hook.pk)
            return redirect("accounts:webhook", hook.pk)
    rows = Webhook.objects.visible_to(user).filter(retired_at__isnull=True).select_related("organization")
    shown = rows.annotate(waiting=_waiting(), last=_last_taken()).order_by("name")
    return render(request, "accounts/webhook_list.html", {"rows": shown, "form": form})


@never_cache
@require_safe
def webhook(request: HttpRequest, pk: str) -> HttpResponse:
    """Show one webhook, its deliveries, and, right after it was made, its secret this once."""
    hook = _hook(request, pk)
    rows = hook.deliveries.select_related("event")
    page = keyset_page(rows, order="-id", cursor=request.GET.get("cursor", ""), size=PAGE)
    is_new = request.session.pop(TO_SHOW, "") == str(hook.pk)
    facts = {
        "hook": hook,
        "page": page,
        "rows": [{"delivery": row, "topic": TOPICS.get(row.topic)} for row in page.results],
        "secret": secret_of(hook.salt) if is_new else "",
        "form": WebhookForm(initial={"name": hook.name, "url": hook.url, "topics": hook.topics}, is_new=False),
        "most_tries": MOST_TRIES,
    }
    return render(request, "accounts/webhook_detail.html", facts)


@require_POST
def webhook_revise(request: HttpRequest, pk: str) -> HttpResponse:
    """Keep a changed name, address and topics."""
    hook, form = _hook(request, pk), WebhookForm(request.POST, is_new=False)
    if not form.is_valid():
        messages.error(request, _("A webhook has a name, an address and at least one topic."))
        return redirect("accounts:webhook", hook.pk)
    return _then(request, hook, lambda: verbs.revise(hook, by=_keeper(request), **form.cleaned_data), _("Kept."))


@require_POST
def webhook_pause(request: HttpRequest, pk: str) -> HttpResponse:
    """Tell it of nothing for now, or of everything again."""
    hook, is_active = _hook(request, pk), request.POST.get("active") == "yes"
    done = _("It is told again from now on.") if is_active else _("It is told of nothing until you let it go on.")
    return _then(request, hook, lambda: verbs.revise(hook, by=_keeper(request), is_active=is_active), done)


@require_POST
def webhook_rotate(request: HttpRequest, pk: str) -> HttpResponse:
    """Give it a new secret, and show it once."""
    hook = _hook(request, pk)

    def rotated() -> None:
        verbs.rotate(hook, by=_keeper(request))
        request.session[TO_SHOW] = str(hook.pk)

    return _then(request, hook, rotated, _("It is signed by its new secret from now on."))


@require_POST
def webhook_retire(request: HttpRequest, pk: str) -> HttpResponse:
    """Tell it of nothing more."""
    hook = _hook(request, pk)
    return carry_out(
        request, lambda: verbs.retire(hook, by=_keeper(request)), done=_("It is retired."), then=reverse("accounts:webhooks")
    )


@require_POST
def delivery_again(request: HttpRequest, pk: str) -> HttpResponse:
    """Send one delivery again."""
    hooks = Webhook.objects.visible_to(_keeper(request))
    delivery = found(WebhookDelivery.objects.filter(webhook__in=hooks).select_related("webhook"), pk=pk)
    done = _("It is sent again, under the same id.")
    return _then(request, delivery.webhook, lambda: verbs.redeliver(delivery, by=_keeper(request)), done)


def _waiting() -> Subquery:
    """Count by the index of what is due: what was taken is a month of everything that happened."""
    due = WebhookDelivery.objects.filter(webhook=OuterRef("pk"), due_at__isnull=False).order_by().values("webhook")
    return Subquery(due.annotate(n=Count("pk")).values("n"), output_field=IntegerField())


def _last_taken() -> Subquery:
    """Answer when the newest was taken of those that were."""
    taken = WebhookDelivery.objects.filter(webhook=OuterRef("pk"), delivered_at__isnull=False).order_by("-id")
    return Subquery(taken.values("delivered_at")[:1])


def _then(request: HttpRequest, hook: Webhook, verb: Any, done: str) -> HttpResponse:
    return carry_out(request, verb, done=done, then=reverse("accounts:webhook", args=[hook.pk]))


def _hook(request: HttpRequest, pk: str) -> Webhook:
    return found(Webhook.objects.visible_to(_keeper(request)).select_related("organization"), pk=pk)


def _keeper(request: HttpRequest) -> User:
    """Answer who looks; raises Refused for those who may not keep webhooks."""
    require(request.user, Permission.MANAGE_WEBHOOKS)
    assert isinstance(request.user, User)
    return request.user
