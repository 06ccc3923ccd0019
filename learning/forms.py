"""What lists of the learning store are narrowed by, in the URL."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.pages import Filters
from learning.models import AiModule, BatchState, City, LabelStatus, SampleState

ANY = [("", _("any"))]


class BatchFilters(Filters):
    """State and city."""

    state = forms.ChoiceField(label=_("State"), choices=[*ANY, *BatchState.choices], required=False)
    city = forms.ModelChoiceField(
        label=_("City"), queryset=City.objects.none(), to_field_name="slug", empty_label=_("any"), required=False
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        _offer_cities(self, user)


class SampleFilters(Filters):
    """Module, state, what the person said, and city."""

    module = forms.ModelChoiceField(
        label=_("Module"), queryset=AiModule.objects.none(), to_field_name="slug", empty_label=_("any"), required=False
    )
    state = forms.ChoiceField(label=_("State"), choices=[*ANY, *SampleState.choices], required=False)
    label_status = forms.ChoiceField(label=_("Label"), choices=[*ANY, *LabelStatus.choices], required=False)
    city = forms.ModelChoiceField(
        label=_("City"), queryset=City.objects.none(), to_field_name="slug", empty_label=_("any"), required=False
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        _offer_cities(self, user)
        modules = self.fields["module"]
        assert isinstance(modules, forms.ModelChoiceField)
        modules.queryset = AiModule.objects.visible_to(user).order_by("name")


def _offer_cities(form: forms.Form, user: User) -> None:
    cities = form.fields["city"]
    assert isinstance(cities, forms.ModelChoiceField)
    cities.queryset = City.objects.visible_to(user).order_by("name")
