"""The form of an export; what fits together the verb says."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.pages import RowField
from training.formats import FORMATS
from training.models import DatasetVersion, TrainingDataset, VersionState


class ExportForm(forms.Form):
    """What of a dataset shall be written, and how."""

    version = RowField(
        label=_("What"),
        queryset=DatasetVersion.objects.none(),
        required=False,
        empty_label=_("The settled samples as they are now"),
        help_text=_("A frozen version is the same for ever; the samples as they are now may differ tomorrow."),
    )
    format = forms.ChoiceField(label=_("Format"))
    by_split = forms.BooleanField(label=_("Tell the splits of a version"), required=False, initial=True)
    with_images = forms.BooleanField(label=_("With the images, as a ZIP"), required=False)

    def __init__(self, *args: Any, dataset: TrainingDataset, **options: Any) -> None:
        super().__init__(*args, **options)
        frozen = dataset.versions.filter(state__in=[VersionState.FROZEN, VersionState.ARCHIVED])
        versions: Any = self.fields["version"]
        versions.queryset = frozen.select_related("dataset").order_by("-created_at")
        versions.label_from_instance = lambda version: version.version
        formats: Any = self.fields["format"]
        formats.choices = [(slug, known.title) for slug, known in FORMATS.items()]

    @property
    def asked(self) -> dict[str, Any]:
        """Answer what the verb asks; without a version there are no splits to tell."""
        chosen = self.cleaned_data
        return {**chosen, "by_split": chosen["by_split"] and chosen["version"] is not None}
