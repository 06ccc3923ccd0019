"""What the suite does without, so that it takes two thirds of the time; nothing that a test shows depends on any of it."""

import gc
import os

from django.conf import settings
from whitenoise.middleware import WhiteNoiseMiddleware


def begin() -> None:
    """Save what can be saved before the first test."""
    # What is imported and collected is never let go: to look through it again and again took a fifth of the processor
    gc.set_threshold(20_000, 20, 20)
    # What a test wrote need not outlive the machine; the programs that tests start write as they always do
    os.fsync = _fsync
    options = settings.DATABASES["default"]["OPTIONS"]
    if "init_command" in options:
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
    # A password is hashed a million times over so that to guess it is slow, which no test tries
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Each client of a test makes the middleware anew, which looked for all static files and at each of them
    WhiteNoiseMiddleware.add_files_from_finders = _add_files_once


def set_aside() -> None:
    """Let the garbage collector pass over what is there by now."""
    gc.collect()
    gc.freeze()


def _fsync(_descriptor) -> None:
    pass


_find_files = WhiteNoiseMiddleware.add_files_from_finders
_found: dict[str, object] = {}


def _add_files_once(self: WhiteNoiseMiddleware) -> None:
    if not _found:
        _find_files(self)
        _found.update(self.files)
    self.files.update(_found)
