"""`python -m benchmarks NAME`: one figure of the README, as one JSON line; NAME is a module of this folder."""

import importlib
import pkgutil
import sys
from pathlib import Path


def main() -> int:
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name[0] != "_")
    if len(sys.argv) != 2 or sys.argv[1] not in names:
        print(f"usage: python -m benchmarks {'|'.join(names)}", file=sys.stderr)
        return 2
    importlib.import_module(f"benchmarks.{sys.argv[1]}").main()
    return 0


sys.exit(main())
