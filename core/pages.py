"""Answering a browser: the page or its fragment, a row or a 404, a verb and what came of it. Decided here, once."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms.models import ModelChoiceIterator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from core.errors import Missing, Refusal

Row = TypeVar("Row", bound=Model)


def page_or_partial(
    request: HttpRequest, template: str, partial: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render `template`, or its named `partial` when htmx asks for a fragment of it."""
    asked_by_htmx = request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"
    name = f"{template}#{partial}" if asked_by_htmx else template
    return render(request, name, dict(context), status=status)


def found(rows: QuerySet[Row], **lookup: Any) -> Row:
    """Answer the row of `rows` (what the asker may see) that `lookup` names; raises Missing."""
    unspeakable = any("\x00" in value for value in lookup.values() if isinstance(value, str))
    try:
        row = None if unspeakable else rows.filter(**lookup).first()
    except (ValidationError, ValueError):  # what cannot be a key at all, such as a word where an id stands
        row = None
    if row is None:
        raise Missing(f"There is no such {rows.model._meta.verbose_name}, or it is not within your reach.")
    return row


def carry_out(request: HttpRequest, verb: Callable[[], Any], *, done: str | Callable[[Any], str], then: str) -> HttpResponse:
    """Call `verb`, say as a message what came of it (`done`, of its answer) or why it was refused, and lead on to `then`."""
    try:
        answer = verb()
    except Refusal as refusal:
        messages.error(request, " ".join([refusal.detail, *_per_field(refusal)]))
    else:
        messages.success(request, done(answer) if callable(done) else done)
    return redirect(then)


def first_error(form: forms.Form) -> str:
    """Say what is wrong with a form that came from a page of ours, in one sentence."""
    said = [(form[name].label if name in form.fields else "", texts[0]) for name, texts in form.errors.items()]
    return "; ".join(f"{label}: {text}" if label else str(text) for label, text in said)


def _per_field(refusal: Refusal) -> list[str]:
    return [f"{name}: {' '.join(texts)}" for name, texts in refusal.errors.items()]


class _Rows(ModelChoiceIterator):  # type: ignore[type-arg]
    """The choices of a field, fetched once a form: Django's own are asked for at each look, by a cursor that the server holds."""

    def __iter__(self) -> Iterator[Any]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        offered = getattr(self.field, "offered", None)
        for row in self.queryset if offered is None else self.queryset[:offered]:
            yield self.choice(row)


class RowField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One row of a table to choose."""

    iterator = _Rows


class RowsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Some rows of a table to choose; of the first `offered`, where that is said, though any may be sent."""

    iterator = _Rows
    offered: int | None = None


class Filters(forms.Form):
    """What a list is narrowed by, in the URL; what is no known choice counts as not chosen."""

    @property
    def chosen(self) -> dict[str, Any]:
        """Answer field name → value for what was chosen."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}

    @property
    def is_narrowing(self) -> bool:
        """Tell whether anything was chosen."""
        return bool(self.chosen)
