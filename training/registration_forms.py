"""The form of a model that was trained elsewhere; its page sends it with the file, by static/js/register.js."""

import json
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, User
from core.pages import RowField
from learning.models import AiModule, LabelSchema
from learning.models.module import Task
from training.actions.registration import TEXT_LIMIT

PICTURE: list[dict[str, Any]] = [
    {"step": "decode", "mode": "RGB"},
    {"step": "resize", "width": 224, "height": 224, "filter": "bilinear"},
    {"step": "scale", "multiply": 0.00392156862745098, "add": 0.0},
    {"step": "layout", "order": "nchw"},
]
EXAMPLES: dict[str, dict[str, Any]] = {
    Task.CLASSIFICATION: {"preprocessing": PICTURE},
    Task.TEXT: {"preprocessing": PICTURE, "output_options": {"alphabet": list("0123456789")}},
    Task.DETECTION: {
        "preprocessing": PICTURE,
        "output_options": {"score_threshold": 0.5, "iou_threshold": 0.5, "max_boxes": 100},
    },
}


class RegistrationForm(forms.Form):
    """What is said of a model that comes from elsewhere."""

    ai_module = RowField(label=_("Module"), queryset=AiModule.objects.order_by("name"), to_field_name="slug", empty_label=None)
    name = forms.CharField(label=_("Name"), max_length=120)
    source = forms.CharField(label=_("Where it is from"), max_length=500)
    licence = forms.CharField(label=_("Licence"), max_length=TEXT_LIMIT, widget=forms.Textarea(attrs={"rows": 2}))
    notes = forms.CharField(label=_("Notes"), max_length=TEXT_LIMIT, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    version = forms.CharField(
        label=_("Version"), max_length=40, required=False, help_text=_("Like 1.2.0; else the next free number.")
    )
    organization_id = RowField(
        label=_("Organization"), queryset=Organization.objects.none(), required=False, empty_label=_("everybody's")
    )
    config = forms.CharField(
        label=_("How an ONNX file is used (JSON)"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "mono"}),
        help_text=_("Labels in the order of the outputs (else all of the module), preprocessing, output. Empty for a bundle."),
    )

    def __init__(self, *, user: User, module: AiModule | None, config: str = "") -> None:
        super().__init__(initial={"ai_module": module.slug if module else None, "config": config})
        self.fields["organization_id"].queryset = Organization.objects.visible_to(user).order_by("name")  # type: ignore[attr-defined]


def config_examples(modules: QuerySet[AiModule]) -> dict[str, str]:
    """Answer for each module's slug a config to start from, of its task and with its labels."""
    newer = LabelSchema.objects.filter(module=OuterRef("module"), revision__gt=OuterRef("revision"))
    newest = LabelSchema.objects.filter(~Exists(newer), module__in=modules).select_related("module")
    return {schema.module.slug: _config_example(schema) for schema in newest}


def _config_example(schema: LabelSchema) -> str:
    module = schema.module
    features = [{"step": "features", "dims": module.dims}, {"step": "frames", "count": 1}, *PICTURE[2:3]]
    told = dict(EXAMPLES.get(module.task) or {"preprocessing": [*features, {"step": "layout", "order": "flat"}]})
    lines = [
        f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in {"labels": schema.names, **told}.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}"
