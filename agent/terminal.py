"""The one place that prints: whatever stands in a line, it is one line, and nothing in it moves a cursor."""

from __future__ import annotations

import sys
from typing import TextIO

from hw.words import one_line


def say(*lines: object, to: TextIO | None = None) -> None:
    """Print lines, at once; to standard output, where nothing else is given."""
    out = to or sys.stdout
    for line in lines:
        print(one_line(line), file=out)
    out.flush()
