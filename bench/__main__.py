"""Run every bench, or those named: `python -m bench vocabulary pictures`.

Options of a bench stand behind its name: `python -m bench exports --lines 1000000`.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path

from bench.setup import SkippedError

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem[0] != "_")


def main() -> None:
    named = itertools.takewhile(lambda word: not word.startswith("-"), sys.argv[1:])
    for name in list(named) or [name for name in NAMES if name != "setup"]:
        module = importlib.import_module(f"bench.{name}")
        print(f"\n== {name}: {(module.__doc__ or '').splitlines()[0]}")
        try:
            module.main()
        except SkippedError as reason:
            print(f"  {name} is skipped: {reason}")


if __name__ == "__main__":
    main()
