"""How soon there is sound both ways again after a client's process ended in a call and another one took the call up.

    python -m bench.resumption [--ends 50]

Two clients with real media talk over a switchboard. One of them ends as by `kill -9`, and is there again as if it were
another process: socket, keys, ICE and certificate are new. Measured is the switchboard's part: from the `invite` with
the reconnect token to the first packet at the one, and at the other, whichever is later.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile

from agent.media.bridge import Bridge, warm_up
from agent.switchboard.runner import start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from bench.rig.resumer import Resumer

MUST_MS = 3_000


def measure(ends: int) -> list[float]:
    """Let caller and callee end in turn; return the seconds of each return."""
    with tempfile.TemporaryDirectory() as folder, Bridge() as bridge:
        warm_up()
        with start_switchboard(bridge, SwitchboardSettings(listen_port=0, state_dir=folder)) as switchboard:
            alice = Resumer(bridge, switchboard, "alice", 440)
            bob = Resumer(bridge, switchboard, "bob", 1000)
            alice.dial(bob)
            took_s = []
            for number in range(ends):
                one, other = (alice, bob) if number % 2 else (bob, alice)
                one.die()
                took_s.append(one.come_back(other))
            alice.close()
            bob.close()
            return took_s


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ends", type=int, default=50)
    took_ms = sorted(1000 * took_s for took_s in measure(parser.parse_args().ends))
    p50, p95 = statistics.median(took_ms), took_ms[min(len(took_ms) - 1, int(0.95 * len(took_ms)))]
    print(f"from the invite to sound both ways: p50 {p50:.0f} ms, p95 {p95:.0f} ms, worst {took_ms[-1]:.0f} ms")
    print(f"ratio {p95 / MUST_MS:.2f} of {MUST_MS} ms, {len(took_ms)} of {len(took_ms)} calls went on")


if __name__ == "__main__":
    main()
