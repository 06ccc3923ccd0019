"""The forms of an import: what is brought and what it is worth, and what its categories are here."""

from pathlib import Path
from typing import Any

from django import forms
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.errors import Invalid
from core.pages import RowField
from learning.models import City
from training.formats import FORMATS
from training.models import DatasetImport, DatasetUpload, Empty, TakenAs, TrainingDataset, UploadPurpose, UploadState

LEFT_OUT, UNDECIDED = "-", ""
"""In place of a label's id: the category is left out; nobody has said."""
WORTH = [
    (TakenAs.TRUTH, _("The truth: samples are settled by them")),
    (TakenAs.JUDGEMENT, _("One judgement of yours: the module's policy says what it makes of it")),
    (TakenAs.PREDICTION, _("A prediction: samples wait for review")),
]
EMPTY = [
    (Empty.VERIFIED, _("Somebody looked, and there is nothing")),
    (Empty.UNLABELLED, _("Nobody looked yet: it waits for review")),
]


def content_of(file: "UploadedFile[Any]") -> bytes | Path:
    """Answer the content of a file that came with a request; a large one lies on the disk already, and stays there."""
    return Path(file.temporary_file_path()) if isinstance(file, TemporaryUploadedFile) else file.read()


class ImportForm(forms.Form):
    """A file, or one that came in parts, and how it is read."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        max_length=255,
        help_text=_(
            "A ZIP or TAR with annotations and, if you like, images; or one file of annotations for images the dataset has."
        ),
    )
    upload = RowField(
        label=_("Or one that was uploaded"), queryset=DatasetUpload.objects.none(), required=False, empty_label=_("none")
    )
    format = forms.ChoiceField(label=_("Format"), required=False)
    taken_as = forms.ChoiceField(label=_("Its labels are"), choices=WORTH, initial=TakenAs.TRUTH)
    empty = forms.ChoiceField(label=_("An image without annotations means"), choices=EMPTY, initial=Empty.VERIFIED)
    city = RowField(
        label=_("The images are from"), queryset=City.objects.none(), to_field_name="slug", required=False, empty_label=None
    )

    def __init__(self, *args: Any, dataset: TrainingDataset, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        fields: Any = self.fields
        fields["format"].choices = [("", _("find it out")), *((slug, known.title) for slug, known in FORMATS.items())]
        uploads = DatasetUpload.objects.visible_to(user).filter(dataset=dataset, purpose=UploadPurpose.IMPORT)
        fields["upload"].queryset = uploads.filter(state=UploadState.STORED, object__deleted_at=None).order_by("-created_at")
        if dataset.organization_id is None:
            del fields["city"]
        else:
            fields["city"].queryset = City.objects.filter(organization=dataset.organization_id).order_by("name")
        if not fields["upload"].queryset.exists():
            del fields["upload"]
            fields["file"].required = True

    def clean(self) -> dict[str, Any]:
        """Insist on one source."""
        chosen = super().clean() or {}
        if "upload" in self.fields and bool(chosen.get("file")) == bool(chosen.get("upload")):
            raise forms.ValidationError(_("Choose one file."))
        return chosen

    @property
    def terms(self) -> dict[str, Any]:
        """Answer what the verb asks beside the file."""
        chosen = self.cleaned_data
        return {"city": chosen.get("city"), **{name: chosen[name] for name in ("format", "taken_as", "empty")}}


class MappingForm(forms.Form):
    """What each category of the file is here; one choice a row."""

    def __init__(self, *args: Any, job: DatasetImport, **options: Any) -> None:
        super().__init__(*args, **options)
        names = job.dataset.module.schema.names
        choices = [(UNDECIDED, _("choose")), *((f"={name}", name) for name in names), (LEFT_OUT, _("leave out"))]
        self.rows = []
        for number, (category, count) in enumerate(job.categories.items()):
            known = job.mapping.get(category, UNDECIDED) if category in job.mapping else UNDECIDED
            initial = LEFT_OUT if known is None else f"={known}" if known else UNDECIDED
            name = f"category-{number}"
            self.fields[name] = forms.ChoiceField(label=category, choices=choices, initial=initial, required=False)
            self.rows.append((category, count, name))

    @property
    def mapping(self) -> dict[str, str | None]:
        """Answer what was decided; raises Invalid where something was not."""
        decided: dict[str, str | None] = {}
        for category, _count, name in self.rows:
            chosen = self.cleaned_data.get(name, UNDECIDED)
            if chosen != UNDECIDED:
                decided[category] = None if chosen == LEFT_OUT else chosen[1:]
        if len(decided) < len(self.rows):
            raise Invalid(str(_("Say for each category which label it is, or that it is left out.")))
        return decided

    @property
    def lines(self) -> list[tuple[str, int, forms.BoundField]]:
        """Answer category, how often it is there, and its choice."""
        return [(category, count, self[name]) for category, count, name in self.rows]
