"""The page of what annotators were unsure of because of the guide, for whoever writes it."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.policy import Permission, is_allowed, require
from core.pages import found
from core.paging import scanned_page, spelled
from learning.models import AiModule, HitlLabel, LearningSample
from learning.thumbnails import WITH_PICTURES, thumbnail_url

PAGE, COUNTED = 36, 1_000


@require_safe
def module_unclear(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the samples of a module that somebody found the guide unclear about, the newest first, each with what they noted."""
    require(request.user, Permission.ADJUDICATE)
    assert isinstance(request.user, User)
    module = found(AiModule.objects.visible_to(request.user), slug=slug)
    rows = HitlLabel.objects.guide_unclear().select_related("annotator", "schema", "sample__city", *_pictures())
    page = scanned_page(rows, Q(sample__module=module), cursor=request.GET.get("cursor", ""), size=PAGE)
    schema = module.schema
    facts: dict[str, Any] = {
        "module": module,
        "schema": schema,
        "page": page,
        "rows": [_row(label, schema.revision, request.user) for label in page.results],
        "count": unclear_count(module),
        "may_manage": is_allowed(request.user, Permission.MANAGE_MODULES),
    }
    return render(request, "learning/module_unclear.html", facts)


def unclear_count(module: AiModule) -> str:
    """Count what somebody found the guide of a module unclear about, among the newest COUNTED judgements that say so of any."""
    newest = list(HitlLabel.objects.guide_unclear().order_by("-pk").values_list("sample_id", flat=True)[:COUNTED])
    own = set(LearningSample.objects.filter(pk__among=newest, module=module).values_list("pk", flat=True))
    return spelled(sum(sample in own for sample in newest), is_all=len(newest) < COUNTED)


def _row(label: HitlLabel, revision: int, user: User) -> dict[str, Any]:
    """Answer a judgement with its picture; `is_older` than the schema, and so the guide, that holds now."""
    is_older = label.schema is not None and label.schema.revision < revision
    return {"label": label, "sample": label.sample, "thumbnail_url": thumbnail_url(label.sample, user), "is_older": is_older}


def _pictures() -> list[str]:
    return [f"sample__{path}" for path in WITH_PICTURES]
