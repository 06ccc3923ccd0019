"""What lists of examples, people and collections are narrowed by, and the form of a new collection; rules stand in the verbs."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.pages import Filters, RowField
from learning.actions.collection import MAX_COUNTRY, MAX_IMAGES, MAX_NAME, MAX_OCCUPATION, MAX_PEOPLE
from learning.actions.person import MAX_DOMAIN
from learning.collectors import serp
from learning.models import AiModule, ExampleStatus, Person, PersonStatus, SessionStatus, Task

ANY = [("", _("any"))]
YES_NO = [*ANY, ("1", _("yes")), ("0", _("no"))]
MOST_DOMAINS = 200


class ExampleFilters(Filters):
    """Module, what is known of the label, and the user."""

    modality = forms.ChoiceField(label=_("Module"), required=False)
    label_status = forms.ChoiceField(label=_("Label is"), choices=[*ANY, *ExampleStatus.choices], required=False)
    user_id = forms.CharField(label=_("User"), max_length=120, required=False)

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        modules = AiModule.objects.visible_to(user).filter(task=Task.FEATURES).order_by("name")
        field = self.fields["modality"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [*ANY, *modules.values_list("slug", "name")]


class PersonFilters(Filters):
    """Status, domain, whether trainable, whether consenting, and who needs more images."""

    status = forms.ChoiceField(label=_("Status"), choices=[*ANY, *PersonStatus.choices], required=False)
    domain = forms.ChoiceField(label=_("Domain"), required=False)
    trainable = forms.ChoiceField(label=_("Trainable"), choices=YES_NO, required=False)
    consent = forms.ChoiceField(label=_("Consent"), choices=YES_NO, required=False)
    needs_more = forms.ChoiceField(label=_("Needs more images"), choices=[*ANY, ("1", _("yes"))], required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        field = self.fields["domain"]
        assert isinstance(field, forms.ChoiceField)
        domains = Person.objects.order_by("domain").values_list("domain", flat=True).distinct()[:MOST_DOMAINS]
        field.choices = [*ANY, *((domain, domain) for domain in domains)]


class CollectionFilters(Filters):
    """Status."""

    status = forms.ChoiceField(label=_("Status"), choices=[*ANY, *SessionStatus.choices], required=False)


class CollectionForm(forms.Form):
    """Whom to collect, and how much."""

    domain = forms.CharField(label=_("Domain"), max_length=MAX_DOMAIN, help_text=_("Where these people belong, like serbia."))
    module = RowField(
        label=_("Module"),
        queryset=AiModule.objects.exclude(task=Task.FEATURES).order_by("name"),
        to_field_name="slug",
        empty_label=None,
        help_text=_("The images become its samples, and wait for review."),
    )
    occupation = forms.CharField(
        label=_("Occupation"), max_length=MAX_OCCUPATION, required=False, help_text=_("Like tennis player.")
    )
    country = forms.CharField(label=_("Country"), max_length=MAX_COUNTRY, required=False)
    names = forms.CharField(
        label=_("Or names"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=MAX_PEOPLE * (MAX_NAME + 1),
        required=False,
        help_text=_("One a line: a name, or a Wikidata id like Q5812."),
    )
    people = forms.IntegerField(label=_("People"), min_value=1, max_value=MAX_PEOPLE, initial=20)
    images_per_person = forms.IntegerField(label=_("Images of each"), min_value=1, max_value=MAX_IMAGES, initial=40)
    use_serp = forms.BooleanField(label=_("Buy searches where free images are too few"), required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        if not serp.is_configured():
            self.fields["use_serp"].disabled = True
            self.fields["use_serp"].label = _("Buy searches where free images are too few (no key: SERP_API_KEY)")

    @property
    def asked(self) -> dict[str, Any]:
        """Answer what was filled in, in the verb's words."""
        return {**self.cleaned_data, "names": self.cleaned_data["names"].splitlines()}
