"""What datasets offer to people who chose many samples: to add them."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.policy import Permission
from core.pages import RowField
from learning.acts import Act, ActForm
from training.actions import gathering
from training.models import DatasetStatus, TrainingDataset


class AddToDatasetForm(ActForm):
    """Into which dataset."""

    dataset = RowField(label=_("Dataset"), queryset=TrainingDataset.objects.none(), empty_label=None)

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data, user=user)
        field = self.fields["dataset"]
        assert isinstance(field, forms.ModelChoiceField)
        live = TrainingDataset.objects.visible_to(user).exclude(status=DatasetStatus.ARCHIVED)
        field.queryset = live.select_related("module").order_by("name", "version")

    @property
    def facts(self) -> dict[str, Any]:
        """Answer the dataset's key."""
        key: UUID = self.cleaned_data["dataset"].pk
        return {"dataset": str(key)}


ADD_TO_DATASET = Act(
    name="add_to_dataset",
    label=_("Add to dataset"),
    explained=_(
        "The dataset gets each settled sample of its module that it lacks and that may be trained on; the others are let be."
    ),
    permission=Permission.MANAGE_DATASETS,
    apply=gathering.add_chosen,
    form=AddToDatasetForm,
)
