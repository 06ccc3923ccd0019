"""Forms of modules and their label schemas; what they hold is read by the verbs, so that page and API refuse the same."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.pages import RowField
from learning import schema_files
from learning.annotation import NORMALISERS
from learning.models import AiModule, LabelSchema, Task
from learning.schema_reading import ATTRIBUTE_TYPES, COLORS, MAX_ATTRIBUTES, MAX_LABELS, MAX_NAME

EMPTY, COPY, FILE = "empty", "copy", "file"
MAX_DRAFT = 2_000_000
MORE_LABELS = 3


class ModuleForm(forms.Form):
    """What a module is called, and what it takes."""

    name = forms.CharField(label=_("Name"), max_length=120)
    accepts_unlabelled = forms.BooleanField(
        label=_("Takes samples that nobody labelled"), required=False, help_text=_("Without it such items are rejected.")
    )
    min_quality = forms.FloatField(
        label=_("Least image quality"),
        min_value=0,
        max_value=1,
        required=False,
        help_text=_("From 0 to 1; what a city says is worse is rejected. Empty or 0 takes all."),
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )

    @property
    def asked(self) -> dict[str, Any]:
        """Answer the settings as the verb takes them."""
        facts = {name: self.cleaned_data[name] for name in ("name", "accepts_unlabelled")}
        return {**facts, "min_quality": self.cleaned_data["min_quality"] or 0.0}


class NewModuleForm(ModuleForm):
    """The same, with what can never be changed, and what the schema begins with."""

    slug = forms.CharField(
        label=_("Slug"),
        max_length=64,
        help_text=_("How cities and models name it, like vehicle_recognition; it stays as it is."),
    )
    task = forms.ChoiceField(label=_("Its answers are"), choices=[], help_text=_("This stays as it is."))
    encoding = forms.CharField(label=_("Encoding"), max_length=80, required=False, initial="", help_text=_("Of features only."))
    dims = forms.IntegerField(
        label=_("Numbers a row"), required=False, initial="", min_value=1, help_text=_("Of features only.")
    )
    begin = forms.ChoiceField(
        label=_("Begin with"),
        choices=[(EMPTY, _("an empty schema")), (COPY, _("a copy of another module's")), (FILE, _("a file of another tool"))],
        initial=EMPTY,
    )
    source = RowField(label=_("Copy of"), queryset=AiModule.objects.none(), to_field_name="slug", required=False, initial="")
    file = forms.FileField(
        label=_("File"),
        required=False,
        initial="",  # it is needed where it is shown: nothing says that it is optional
        widget=forms.FileInput,
        help_text=_("COCO (JSON), CVAT (XML), YOLO (data.yaml, classes.txt) or Label Studio (configuration or export)."),
    )
    draft = forms.CharField(required=False, max_length=MAX_DRAFT, widget=forms.HiddenInput)
    field_order = (
        "name",
        "slug",
        "task",
        "begin",
        "source",
        "file",
        "encoding",
        "dims",
        "accepts_unlabelled",
        "min_quality",
        "draft",
    )

    def __init__(self, data: Any = None, files: Any = None, **options: Any) -> None:
        super().__init__(data, files, **options)
        tasks, source = self.fields["task"], self.fields["source"]
        assert isinstance(tasks, forms.ChoiceField)
        assert isinstance(source, forms.ModelChoiceField)
        tasks.choices = TASKS
        source.queryset = AiModule.objects.order_by("name")

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen beginning needs."""
        given = super().clean() or {}
        if given.get("begin") == COPY and not given.get("source"):
            self.add_error("source", _("Choose the module whose schema is copied."))
        if given.get("begin") == FILE and not given.get("file") and not given.get("draft"):
            self.add_error("file", _("Choose the file."))
        upload = given.get("file")
        if upload and upload.size > schema_files.MAX_BYTES:
            self.add_error("file", _("The file is larger than 64 MB; the labels alone are enough."))
        return given

    @property
    def asked(self) -> dict[str, Any]:
        """Answer the settings as the verb takes them."""
        return {**super().asked, **{name: self.cleaned_data[name] for name in ("slug", "task", "encoding", "dims")}}


TASKS = [
    (Task.CLASSIFICATION, _("one label (classification)")),
    (Task.TEXT, _("a text (text)")),
    (Task.DETECTION, _("boxes (detection)")),
    (Task.FEATURES, _("one label of recorded features (features)")),
]


class LabelForm(forms.Form):
    """One label; without a name it is none."""

    id = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    name = forms.CharField(label=_("Name"), required=False, max_length=MAX_NAME, strip=True)
    color = forms.CharField(label=_("Colour"), required=False, max_length=7, widget=forms.TextInput(attrs={"type": "color"}))
    shortcut = forms.CharField(
        label=_("Key"), required=False, max_length=1, strip=False, widget=forms.TextInput(attrs={"size": 2})
    )
    retired = forms.BooleanField(label=_("Retired"), required=False)
    guide = forms.CharField(label=_("In the guide"), required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 2}))
    examples = forms.CharField(
        label=_("Example samples"),
        required=False,
        max_length=2_600,
        help_text=_("Sample ids, separated by blanks; 12 at most."),
    )


class AttributeForm(forms.Form):
    """One attribute; without a name it is none."""

    id = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    name = forms.CharField(label=_("Name"), required=False, max_length=MAX_NAME)
    type = forms.ChoiceField(label=_("Type"), choices=[(name, _(name)) for name in ATTRIBUTE_TYPES])
    per = forms.ChoiceField(label=_("Of each"), choices=[("sample", _("sample")), ("box", _("box"))])
    values = forms.CharField(
        label=_("Values"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One a line; of a select only. “red -> crimson” calls the value red crimson from now on."),
    )
    required = forms.BooleanField(label=_("Must be said"), required=False)
    retired = forms.BooleanField(label=_("Retired"), required=False)


class SchemaForm(forms.Form):
    """All that is no list of labels or attributes, and on which revision it builds."""

    based_on = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    pattern = forms.CharField(
        label=_("Pattern"),
        required=False,
        max_length=300,
        help_text=_("A regular expression that the whole text must fit, like [A-Z]{2}[0-9]{1,2}[A-Z]{1,3}[0-9]{4}."),
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false"}),
    )
    normalise = forms.ChoiceField(
        label=_("Two texts are the same"),
        required=False,
        choices=[],
        help_text=_("How they are compared when people judge the same sample."),
    )
    max_length = forms.IntegerField(label=_("Longest text"), required=False, min_value=1, max_value=2_000)
    unreadable = forms.CharField(
        label=_("Unreadable character"),
        required=False,
        max_length=1,
        help_text=_("A sign that stands for one character nobody can read, like ?"),
    )
    reasons = forms.CharField(
        label=_("Reasons for unsure"),
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One a line; the first nine have the keys 1 to 9."),
    )
    reject_reasons = forms.CharField(
        label=_("Reasons to reject"),
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Empty: the same as for unsure."),
    )
    guide = forms.CharField(
        label=_("Guide"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("What annotators read beside their work, in plain text."),
    )
    note = forms.CharField(label=_("Why this revision"), required=False, max_length=300, help_text=_("Stands in the history."))

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        rule = self.fields["normalise"]
        assert isinstance(rule, forms.ChoiceField)
        rule.choices = [(name, said) for name, said in NORMALISED.items() if name in NORMALISERS]


NORMALISED = {
    "space": _("but for blanks"),
    "upper": _("but for blanks and capitals"),
    "plate": _("by letters and digits alone (plates)"),
    "exact": _("letter by letter"),
}

LabelForms = forms.formset_factory(
    LabelForm, extra=MORE_LABELS, can_order=True, can_delete=True, max_num=MAX_LABELS, absolute_max=MAX_LABELS + 50
)
AttributeForms = forms.formset_factory(
    AttributeForm, extra=1, can_delete=True, max_num=MAX_ATTRIBUTES, absolute_max=MAX_ATTRIBUTES + 10
)


class SchemaEditor:
    """The forms of one schema together: bound to what was sent, else filled from a revision."""

    def __init__(self, schema: LabelSchema, data: Any = None) -> None:
        self.schema = schema
        filled = filled_from(schema) if data is None else {}
        self.whole = SchemaForm(data, initial=filled.get("whole"))
        self.labels = LabelForms(data, prefix="labels", initial=filled.get("labels"))
        self.attributes = AttributeForms(data, prefix="attributes", initial=filled.get("attributes"))
        for place, form in enumerate(self.labels.extra_forms, start=len(schema.labels)):
            form.initial = {"color": COLORS[place % len(COLORS)]}

    def is_valid(self) -> bool:
        """Tell whether all fields can be read; what they mean is the verb's to judge."""
        return all([self.whole.is_valid(), self.labels.is_valid(), self.attributes.is_valid()])

    @property
    def problems(self) -> list[str]:
        """Answer what cannot be read, in sentences."""
        said = [
            f"{form[name].label}: {texts[0]}"
            for form in self._forms()
            for name, texts in form.errors.items()
            if name in form.fields
        ]
        return [*said, *map(str, self.labels.non_form_errors()), *map(str, self.attributes.non_form_errors())]

    @property
    def content(self) -> dict[str, Any]:
        """Answer what was sent, as the verb takes it."""
        given = self.whole.cleaned_data
        text = {name: given[name] for name in ("pattern", "max_length", "unreadable") if given[name]}
        if given["normalise"] not in {"", "space"} or "normalise" in self.schema.text:
            text["normalise"] = given["normalise"] or "space"
        return {
            "labels": [_label(form.cleaned_data) for form in _kept(self.labels.ordered_forms)],
            "attributes": [_attribute(form.cleaned_data) for form in _kept(self.attributes.forms)],
            "text": text,
            "reasons": lines(given["reasons"]),
            "reject_reasons": lines(given["reject_reasons"]),
            "guide": given["guide"],
        }

    def _forms(self) -> list[forms.Form]:
        return [self.whole, *self.labels.forms, *self.attributes.forms]


def filled_from(schema: LabelSchema) -> dict[str, Any]:
    """Answer a revision as the editor's fields hold it."""
    return {
        "whole": {
            "based_on": schema.revision,
            **{name: schema.text.get(name, "") for name in ("pattern", "max_length", "unreadable")},
            "normalise": schema.text.get("normalise", "space"),
            "reasons": "\n".join(schema.reasons),
            "reject_reasons": "\n".join(schema.reject_reasons),
            "guide": schema.guide,
        },
        "labels": [{**label, "examples": " ".join(label.get("examples", ()))} for label in schema.labels],
        "attributes": [{**attribute, "values": "\n".join(attribute["values"])} for attribute in schema.attributes],
    }


def lines(text: str) -> list[str]:
    """Answer the lines that say something, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def read_draft(text: str) -> dict[str, Any]:
    """Answer what an earlier page read from a file; what is not ours is empty, and the verb checks the rest."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    wanted = ("labels", "attributes")
    return {name: value[name] for name in wanted if isinstance(value.get(name), list)} if isinstance(value, dict) else {}


def _kept(rows: Sequence[forms.Form]) -> list[Any]:
    return [
        form
        for form in rows
        if not form.cleaned_data.get("DELETE") and (form.cleaned_data.get("name") or form.cleaned_data.get("id"))
    ]


def _label(given: Mapping[str, Any]) -> dict[str, Any]:
    known = {"id": given["id"]} if given.get("id") else {}
    said = {name: given[name] for name in ("name", "color", "shortcut", "guide")}
    return {
        **known,
        **said,
        "shortcut": said["shortcut"].strip(),
        "retired": given["retired"],
        "examples": given["examples"].split(),
    }


def _attribute(given: Mapping[str, Any]) -> dict[str, Any]:
    values, renamed = [], {}
    for line in lines(given["values"]):
        former, arrow, now = (part.strip() for part in line.partition("->"))
        if arrow and former and now:
            renamed[former] = now
        values.append(now if arrow and former and now else line)
    known = {"id": given["id"]} if given.get("id") else {}
    said = {name: given[name] for name in ("name", "type", "per", "required", "retired")}
    return {**known, **said, "values": list(dict.fromkeys(values)), **({"values_formerly": renamed} if renamed else {})}
