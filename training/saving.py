"""Saving a new row: what breaks a field's rule is Invalid, a name that is taken is a Conflict."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from core.errors import Conflict, Invalid


def save_new(row: models.Model, *, taken: str) -> None:
    """Check the fields and insert the row; `taken` is the sentence for a row of this name that exists."""
    empty = {field.name for field in row._meta.concrete_fields if getattr(row, field.attname) in (None, {})}
    try:
        row.full_clean(exclude=empty, validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        errors = error.message_dict
        sentence = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items())
        raise Invalid(sentence, errors=errors) from error
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(taken) from error
