"""Calls somebody, or the switchboard's echo, and writes down how good the call is: one line of CSV a second.

    python -m examples.quality_monitor echo --server HOST:8443 --ca-file ca.pem --key-file api_key.json --seconds 60

Ends with 0 when the mean MOS reaches --least-mos, with 1 when not, or when nobody answered.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping
from typing import Any

import gevent

from agent import Connection
from examples.setting_up import add_arguments, events_of, phone
from hw.sound import tones
from hw.sound.wav_sound import WavSound

COLUMNS = ("mos", "rtt", "jitter", "packetsLostFraction", "packetsReceived", "codecName")
STEPS = ("accept", "sample", "warning", "warning-cleared", "error", "cancel", "disconnect")


def main() -> int:
    options = arguments().parse_args()
    with WavSound(tones.ring(), loop=True) as sound, phone(options, sound=sound, enable_ice_restart=True) as device:
        call = device.connect({"To": options.whom})
        scores = watch(call, options)
    if not scores:
        print(f"{options.whom}: no sample of the call could be taken", file=sys.stderr)
        return 1
    mean = statistics.mean(scores)
    print(f"# mean MOS {mean:.2f} of {len(scores)} samples", flush=True)
    return 0 if mean >= options.least_mos else 1


def watch(call: Connection, options: argparse.Namespace) -> list[float]:
    """The scores of the call's samples; each sample and each warning is printed as it comes."""
    scores: list[float] = []
    steps = events_of(call, *STEPS)
    print(",".join(COLUMNS), flush=True)
    giving_up = gevent.spawn_later(options.ring_seconds, call.disconnect)
    while (step := steps.get())[0] not in ("cancel", "disconnect"):
        name, args = step
        if name == "accept":
            giving_up.kill()
            gevent.spawn_later(options.seconds, call.disconnect)
        elif name == "sample":
            print(row(args[0]), flush=True)
            scores += [args[0]["mos"]] if args[0]["mos"] is not None else []
        else:
            print(f"# {name} {args[0]}", flush=True)
    return scores


def row(sample: Mapping[str, Any]) -> str:
    """One line of the table; what is not known is left empty."""
    values = (sample[column] for column in COLUMNS)
    return ",".join("" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
                    for value in values)  # fmt: skip


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, "quality-monitor")
    parser.add_argument("whom", metavar="WHOM", nargs="?", default="echo", help="whom to call (default: echo)")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the call (default: 30)")
    parser.add_argument("--ring-seconds", type=float, default=60.0, help="give up after so long (default: 60)")
    parser.add_argument("--least-mos", type=float, default=3.5, help="a mean below this is a failure (default: 3.5)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
