"""Breaks the program in every way of the table, one after the other, and says which of them no test noticed.

    python -m tests.mutations [WORD ...]      only those whose name has one of the words
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from .mutation import copy_tree, survives
from .table import MUTATIONS


def main(words: list[str]) -> int:
    """Return 0 when each was caught."""
    chosen = [each for each in MUTATIONS if not words or any(word in each.name for word in words)]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = copy_tree(Path(folder))
        for mutation in chosen:
            began = time.monotonic()
            why = survives(mutation, tree)
            missed += bool(why)
            took_s = time.monotonic() - began
            print(f"{'MISSED' if why else 'caught'}  {took_s:5.1f} s  {mutation.name}  {why}".rstrip(), flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} were caught")
    return 1 if missed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
