"""The one place that prints: whatever stands in a line, it is one line, and nothing in it moves a cursor."""

from __future__ import annotations

import sys
from typing import TextIO

from agent.errors import OutputError
from hw.words import one_line


def say(*lines: object, to: TextIO | None = None) -> None:
    """Print lines, at once; to standard output, where nothing else is given.

    Raises OutputError where that cannot be written, BrokenPipeError where nobody reads it any more.
    """
    out = to or sys.stdout
    try:
        for line in lines:
            print(one_line(line), file=out)
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        why = error.strerror or error
        raise OutputError(f"the output cannot be written ({why}); make room, or let it go elsewhere") from error
