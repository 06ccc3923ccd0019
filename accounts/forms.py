"""What the pages of accounts take."""

from typing import Any

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext_lazy as _

from accounts.actions.webhook import LONGEST_URL
from accounts.models import Organization
from accounts.topics import FOR_WEBHOOKS
from core.pages import RowField

TOPIC_CHOICES = [(name, topic.sentence) for name, topic in sorted(FOR_WEBHOOKS.items())]


class WebhookForm(forms.Form):
    """Where a webhook leads, and what it is told of."""

    name = forms.CharField(label=_("Name"), max_length=80, validators=[ProhibitNullCharactersValidator()])
    url = forms.CharField(
        label=_("Address"),
        max_length=LONGEST_URL,
        help_text=_("https://… of a program of yours; it answers 2xx within 5 seconds."),
    )
    organization = RowField(
        label=_("Of"),
        queryset=Organization.objects.order_by("name"),
        required=False,
        empty_label=_("the hub, and all organizations"),
    )
    topics = forms.MultipleChoiceField(label=_("Told of"), choices=TOPIC_CHOICES, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, is_new: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        if not is_new:
            del self.fields["organization"]
