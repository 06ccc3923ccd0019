"""Pages of signatures: what key holders are asked, the file they take along and bring back, and how long documents are good for."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.policy import Permission, require
from core.errors import Conflict
from core.pages import carry_out, found
from core.paging import keyset_page
from training import trust
from training.actions import model_version
from training.models import ModelVersion, SigningRequest, SigningState, TrustDocument

PAGE = 50


@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """List what was asked of key holders, newest first, and how long each signed document is good for."""
    _signer(request)
    rows = SigningRequest.objects.select_related("asked_by")
    page = keyset_page(rows, cursor=request.GET.get("cursor", ""), size=PAGE)
    facts = {"page": page, "documents": _documents(), "embedded": trust.are_embedded()}
    return render(request, "training/signing_list.html", {**facts, "standing": trust.standing() if trust.is_open() else ""})


@require_safe
def one_request(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one request: what changes with it, who signed, who may still."""
    _signer(request)
    shown = found(SigningRequest.objects.select_related("asked_by"), pk=pk)
    is_open = shown.state == SigningState.OPEN
    wanted = trust.wanted_signatures() if is_open else []
    facts = {
        "asked": shown,
        "is_open": is_open,
        "standing": trust.standing() if is_open else "",
        "wanted": [_lacking(one) for one in wanted],
        "waiting": ModelVersion.objects.filter(release_requested_at__isnull=False, status="approved").select_related("module")
        if is_open
        else (),
    }
    return render(request, "training/signing_detail.html", facts)


@require_safe
def request_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the file that goes to the key holders; raises Conflict for a request that is over."""
    _signer(request)
    shown = found(SigningRequest.objects.all(), pk=pk)
    if shown.state != SigningState.OPEN:
        raise Conflict(f"This {shown} is {shown.state}; there is nothing to sign any more.")
    named = {"Content-Disposition": f'attachment; filename="signing-request-{shown.pk}.json"'}
    return HttpResponse(trust.request_file(), content_type="application/json", headers=named)


@require_POST
def request_admit(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the file that a key holder brought back."""
    user = _signer(request)
    there = reverse("training:signing-request", args=[pk])
    brought = request.FILES.get("file")
    if brought is None or not brought.size or brought.size > trust.MOST_BYTES:
        messages.error(request, _("Nothing was taken: choose the signed file, of at most 32 MB."))
        return redirect(there)
    content, signers = brought.read(), trust.at_hand()
    return carry_out(
        request, lambda: model_version.admit_signature(content, by=user, signers=signers), done=_said_of_signature, then=there
    )


def _said_of_signature(released: list[ModelVersion]) -> str:
    if trust.is_open():
        return _("Taken. Signatures so far: %(standing)s.") % {"standing": trust.standing()}
    names = ", ".join(f"{version.module} {version.version}" for version in released)
    return (
        _("Complete: it is in force now. Released: %(names)s") % {"names": names}
        if names
        else _("Complete: it is in force now.")
    )


def _signer(request: HttpRequest) -> User:
    require(request.user, Permission.RELEASE_MODEL)
    assert isinstance(request.user, User)
    return request.user


def _lacking(wanted: trust.Wanted) -> dict[str, Any]:
    keys = {
        done: [trust.name_of(key) for keyid, key in wanted.keys.items() if (keyid in wanted.signed) is done]
        for done in (True, False)
    }
    facts = {"role": wanted.role, "as_before": wanted.as_before, "is_met": wanted.is_met, "threshold": wanted.threshold}
    return {**facts, "count": len(wanted.signed), "signed": keys[True], "able": keys[False]}


def _documents() -> list[dict[str, Any]]:
    """Answer the newest document of each role with the days it is still good for."""
    now = timezone.now()
    rows = TrustDocument.objects.newest().order_by("role").defer("body")
    late = trust.late(now)
    order = {role.value: place for place, role in enumerate(trust.LIFE)}
    return [
        {
            "role": row.role,
            "version": row.version,
            "expires_at": row.expires_at,
            "state": "expired_now" if row.expires_at <= now else "overdue" if row.role in late else "in_force",
            "days": max(0, (row.expires_at - now).days),
        }
        for row in sorted(rows, key=lambda row: (order.get(row.role, len(order)), row.role))
    ]
