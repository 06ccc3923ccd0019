#!/usr/bin/env python
"""Django's command line for Command Centre."""

import os
import sys

if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version

        print("Command Centre", version("command-centre"))  # noqa: T201
        raise SystemExit
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
