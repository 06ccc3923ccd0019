"""What a run was made with: the program, its locked dependencies, and the machine."""

import hashlib
import os
import platform
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from django.conf import settings


@lru_cache(maxsize=1)
def code_version() -> str:
    """Answer the installed version of Command Centre."""
    return version("command-centre")


@lru_cache(maxsize=1)
def lock_hash() -> str:
    """Answer "sha256:…" of the lock of dependencies, or "" where it was not installed along."""
    lock = settings.BASE_DIR / "requirements.txt"
    return f"sha256:{hashlib.sha256(lock.read_bytes()).hexdigest()}" if lock.is_file() else ""


@lru_cache(maxsize=1)
def hardware() -> dict[str, Any]:
    """Answer the machine's architecture, processors and memory in bytes."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "platform": platform.platform(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "memory_bytes": memory,
    }
