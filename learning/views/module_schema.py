"""The editor of a label schema: a form, and beside it what an annotator would see and what the revision changes."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.policy import Permission, require
from core.errors import Refusal
from core.pages import found, page_or_partial
from learning import schema_changes, shortcuts
from learning.actions import label_schema
from learning.models import AiModule
from learning.module_forms import SchemaEditor
from learning.schema_reading import COLORS
from learning.views.viewing import viewer

SAVE = "save"


@require_http_methods(["GET", "POST"])
def module_schema(request: HttpRequest, slug: str) -> HttpResponse:
    """Edit a module's schema; a preview is asked for while typing, or by its button."""
    user = viewer(request)
    require(user, Permission.MANAGE_MODULES)
    module = found(AiModule.objects.visible_to(user), slug=slug)
    editor = SchemaEditor(module.schema, request.POST if request.method == "POST" else None)
    facts: dict[str, Any] = {"module": module, "schema": module.schema, "editor": editor, "colors": " ".join(COLORS)}
    if (
        request.method == "POST"
        and editor.is_valid()
        and request.POST.get("act") == SAVE
        and not request.headers.get("HX-Request")
    ):
        given = editor.whole.cleaned_data
        try:
            saved = label_schema.revise(module, by=user, based_on=given["based_on"], note=given["note"], **editor.content)
        except Refusal as refusal:
            facts["refusal"] = refusal.detail
        else:
            same = saved.revision == given["based_on"]
            messages.success(
                request, _("Nothing differs from the newest revision.") if same else _("Revision %d is saved.") % saved.revision
            )
            return redirect("learning:module", module.slug)
    facts.update(_preview(module, editor, is_bound=request.method == "POST"))
    return page_or_partial(request, "learning/module_schema.html", "preview", facts)


def _preview(module: AiModule, editor: SchemaEditor, *, is_bound: bool) -> dict[str, Any]:
    """Answer what annotators would see, and what the revision changes or why it cannot be saved."""
    content, problems = module.schema.content, []
    found_changes: list[schema_changes.Change] = []
    if is_bound and not editor.is_valid():
        problems = editor.problems
    elif is_bound:
        try:
            content, found_changes = label_schema.preview(module, **editor.content)
        except Refusal as refusal:
            problems = [refusal.detail]
        if editor.whole.cleaned_data["based_on"] != module.schema.revision:
            problems.append(
                _("This schema was revised since you opened it: open it anew to make your changes to what is there now.")
            )
    return {
        "problems": problems,
        "is_bound": is_bound,
        "content": content,
        "keys": shortcuts.shown_keys(content["labels"]),
        "reasons": {"unsure": content["reasons"], "reject": content["reject_reasons"] or content["reasons"]},
        "changes": _with_use(module, found_changes),
    }


def _with_use(module: AiModule, found_changes: list[schema_changes.Change]) -> list[dict[str, Any]]:
    """Say of changes to labels how many samples they concern."""
    ids = {change.label for change in found_changes if change.label and change.kind != schema_changes.ADDED}
    labels = [label for label in module.schema.labels if label["id"] in ids]
    counts = label_schema.use_of(module, labels) if labels else {}
    return [{"change": change, "tone": TONES[change.kind], "used": counts.get(change.label or 0)} for change in found_changes]


TONES = {
    schema_changes.ADDED: "good",
    schema_changes.BACK: "good",
    schema_changes.RENAMED: "running",
    schema_changes.CHANGED: "running",
    schema_changes.RETIRED: "waiting",
    schema_changes.GONE: "bad",
}
