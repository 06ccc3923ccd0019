"""Identifiers that sort by the time they were made."""

import uuid

import uuid_utils
from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """Answer a time-ordered UUID (version 7), so that rows made together lie together in an index."""
    return uuid7()


def new_text_id() -> str:
    """Answer such an identifier as text, at a fifth of the time."""
    return str(uuid_utils.uuid7())
