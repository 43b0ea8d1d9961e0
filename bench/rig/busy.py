"""A machine that has something else to do: a loop that works for a share of one core."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from bench.stage import ending

ROUND_S = 0.1  # as a quota of the scheduler has it
LOOP = """
import sys, time
share, round_s = float(sys.argv[1]), float(sys.argv[2])
while True:
    began = time.monotonic()
    while time.monotonic() - began < share * round_s:
        pass
    time.sleep(max(0.0, began + round_s - time.monotonic()))
"""


@contextlib.contextmanager
def busy(share: float) -> Iterator[None]:
    """Keep one core busy for this share of the time, at ordinary priority; 0 does nothing."""
    with contextlib.ExitStack() as stack:
        if share:
            command = [sys.executable, "-c", LOOP, str(share), str(ROUND_S)]
            stack.enter_context(ending(subprocess.Popen(command)))
        yield
