"""A clock set back, for what signs with the current time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

import core.file_store
import core.s3_store


class _Yesterday(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(days=1)


@contextmanager
def yesterday() -> Iterator[None]:
    with patch.object(core.file_store, "datetime", _Yesterday), patch.object(core.s3_store, "datetime", _Yesterday):
        yield
