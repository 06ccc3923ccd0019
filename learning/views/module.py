"""Pages of modules: which there are, one with its schema and its past, a new one out of nothing, a copy or a file."""

import json
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Event, User
from accounts.policy import Permission, is_allowed, require
from core.errors import Refusal
from core.pages import carry_out, found
from learning import schema_files, schema_reading, shortcuts
from learning.actions import module as verbs
from learning.models import AiModule, LabelSchema, LearningSample, Task
from learning.module_forms import COPY, EMPTY, FILE, ModuleForm, NewModuleForm, read_draft
from learning.schema_changes import changes
from learning.thumbnails import WITH_PICTURES, with_thumbnails
from learning.views.module_unclear import unclear_count
from learning.views.viewing import viewer

MOST = 500
REVISIONS = 30
EVENTS = 20


@require_safe
def modules(request: HttpRequest) -> HttpResponse:
    """List modules with how many labels each has, and when its schema was last revised."""
    user = viewer(request)
    listed = list(AiModule.objects.visible_to(user).order_by("name")[:MOST])
    newest = LabelSchema.objects.filter(module=OuterRef("module")).order_by("-revision").values("pk")[:1]
    schemas = {row.module_id: row for row in LabelSchema.objects.filter(module__in=listed, pk=Subquery(newest))}
    table = [{"module": row, "schema": schemas[row.pk]} for row in listed if row.pk in schemas]
    return render(
        request, "learning/module_list.html", {"rows": table, "may_manage": is_allowed(user, Permission.MANAGE_MODULES)}
    )


@require_safe
def module(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one module."""
    user = viewer(request)
    return _page(request, _found(slug, user), user)


@require_POST
def module_revise(request: HttpRequest, slug: str) -> HttpResponse:
    """Change what a module is called and takes."""
    user = viewer(request)
    shown = _found(slug, user)
    require(user, Permission.MANAGE_MODULES)
    form = ModuleForm(request.POST)
    if not form.is_valid():
        return _page(request, shown, user, form=form)
    return carry_out(
        request,
        lambda: verbs.revise(shown, by=user, **form.asked),
        done=_("The module was changed."),
        then=reverse("learning:module", args=[slug]),
    )


@require_http_methods(["GET", "POST"])
def module_new(request: HttpRequest) -> HttpResponse:
    """Make a module: empty, as a copy, or from a file, which is first shown as it was read."""
    user = viewer(request)
    require(user, Permission.MANAGE_MODULES)
    form = NewModuleForm(request.POST or None, request.FILES or None, initial=_asked_for(request))
    if request.method == "POST" and form.is_valid():
        try:
            if form.cleaned_data["begin"] == FILE and form.cleaned_data["file"]:
                return _dry_run(request, form)
            made = verbs.add(by=user, **form.asked, **_beginning(form))
        except Refusal as refusal:
            form.add_error(None, refusal.detail)
        else:
            there = "learning:module-schema" if not made.schema.names else "learning:module"
            return redirect(there, made.slug)
    return render(request, "learning/module_new.html", {"form": form})


def _asked_for(request: HttpRequest) -> dict[str, str]:
    source = request.GET.get("source", "")
    return {"source": source, "begin": COPY if source else EMPTY}


def _dry_run(request: HttpRequest, form: NewModuleForm) -> HttpResponse:
    """Show what a file holds; nothing is made yet. The form goes along, with the schema in place of the file."""
    upload = form.cleaned_data["file"]
    draft = schema_files.read(upload.read(), upload.name)
    kept = form.data.dict() if isinstance(form.data, QueryDict) else dict(form.data)
    kept["draft"] = json.dumps({"labels": draft.labels, "attributes": draft.attributes})
    kept["task"] = form.cleaned_data["task"] if form.cleaned_data["task"] == Task.FEATURES else draft.task
    labels = schema_reading.read_labels(draft.labels)
    facts = {
        "form": NewModuleForm(kept),
        "draft": draft,
        "labels": labels,
        "keys": shortcuts.shown_keys(labels),
        "file_name": upload.name[:120],
    }
    return render(request, "learning/module_draft.html", facts)


def _beginning(form: NewModuleForm) -> dict[str, Any]:
    if form.cleaned_data["begin"] == COPY:
        return verbs.copied(form.cleaned_data["source"].schema)
    return read_draft(form.cleaned_data["draft"]) if form.cleaned_data["begin"] == FILE else {}


def _found(slug: str, user: User) -> AiModule:
    return found(AiModule.objects.visible_to(user), slug=slug)


def _page(request: HttpRequest, shown: AiModule, user: User, form: ModuleForm | None = None) -> HttpResponse:
    schema = shown.schema
    facts: dict[str, Any] = {
        "module": shown,
        "schema": schema,
        "labels": _with_pictures(schema, user),
        "keys": shortcuts.shown_keys(schema.labels),
        "may_manage": is_allowed(user, Permission.MANAGE_MODULES),
        "may_see_policy": is_allowed(user, Permission.ADJUDICATE),
    }
    if facts["may_see_policy"]:
        facts["unclear"] = unclear_count(shown)
    if facts["may_manage"]:
        settings = {name: getattr(shown, name) for name in ("name", "accepts_unlabelled", "min_quality")}
        facts["form"] = form or ModuleForm(initial=settings)
    if user.is_hub_staff:
        facts["history"] = history(shown)
        facts["events"] = Event.objects.visible_to(user).about("learning.aimodule", shown.pk).order_by("-id")[:EVENTS]
    return render(request, "learning/module_detail.html", facts)


def history(shown: AiModule) -> list[dict[str, Any]]:
    """Answer the newest revisions, each with what it changed."""
    rows = list(shown.schemas.select_related("created_by").order_by("-revision")[: REVISIONS + 1])
    before = [*rows[1:], None]
    return [
        {"schema": row, "changes": changes(old.content, row.content) if old else []}
        for row, old in list(zip(rows, before, strict=True))[:REVISIONS]
    ]


def _with_pictures(schema: LabelSchema, user: User) -> list[dict[str, Any]]:
    """Answer the labels, each with the samples that show it to who may view images."""
    names = {name for label in schema.labels for name in label.get("examples", ())}
    samples: dict[str, LearningSample] = {}
    if names and is_allowed(user, Permission.VIEW_IMAGES):
        rows = LearningSample.objects.visible_to(user).filter(sample_id__in=names).select_related("city", *WITH_PICTURES)
        samples = {sample.sample_id: sample for sample in with_thumbnails(rows, user)}
    return [
        {**label, "pictures": [samples[name] for name in label.get("examples", ()) if name in samples]}
        for label in schema.labels
    ]
