"""Takes every call, says a greeting and a beep, and records the message, until the caller hangs up or presses #.

    python -m examples.answering_machine --server HOST:8443 --ca-file ca.pem --key-file api_key.json \\
        --greeting greeting.wav --folder messages

It needs no sound card. Each message becomes a WAV file whose name has the time and the caller.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path
from typing import Any

from gevent.queue import Empty, Queue

from agent import Connection
from examples.setting_up import add_arguments, events_of, phone
from hw.sound import tones
from hw.sound.wav_files import load_pcm
from hw.sound.wav_sound import WavSound

BEEP = tones.probe(0.4)
BYTES_A_SECOND = 96_000  # 48 kHz, 16 bit, mono


def main() -> int:
    options = arguments().parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    greeting = (load_pcm(options.greeting) if options.greeting else b"") + BEEP
    with WavSound() as sound, phone(options, sound=sound) as device:
        callers = events_of(device, "incoming")
        print("ready", flush=True)
        taken = 0
        while not options.messages or taken < options.messages:
            _, (call,) = callers.get()
            taken += answer(call, sound, greeting, options)
    return 0


def answer(call: Connection, sound: WavSound, greeting: bytes, options: argparse.Namespace) -> bool:
    """One call from its ring to its end; False when the caller had hung up before it was taken."""
    steps = events_of(call, "accept", "digit", "cancel", "disconnect")
    call.accept()
    if steps.get()[0] != "accept":
        return False
    sound.speak(greeting)
    file = options.folder / name_of(call)
    with call.get_remote_stream().record(file):
        wait_for_end(steps, len(greeting) / BYTES_A_SECOND + options.seconds)
    call.disconnect()
    print(f"message {file}", flush=True)
    return True


def wait_for_end(steps: Queue[tuple[str, tuple[Any, ...]]], most_s: float) -> None:
    """Until the caller hangs up or presses #, but no longer than `most_s`."""
    ends_at = time.monotonic() + most_s
    try:
        while (left_s := ends_at - time.monotonic()) > 0:
            name, args = steps.get(timeout=left_s)
            if name in ("cancel", "disconnect") or args == ("#",):
                return
    except Empty:
        return


def name_of(call: Connection) -> str:
    """A file name; what the caller is called was chosen by others, so only letters and digits of it are taken."""
    caller = re.sub(r"[^A-Za-z0-9+]+", "-", str(call.parameters.get("From", ""))).strip("-")[:40] or "unknown"
    return f"{time.strftime('%Y-%m-%dT%H-%M-%S')}-{caller}.wav"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, "answering-machine")
    parser.add_argument("--greeting", metavar="WAV", help="what callers hear before the beep")
    parser.add_argument("--folder", type=Path, default=Path("messages"), help="where messages go (default: messages)")
    parser.add_argument("--seconds", type=float, default=120.0, help="longest message (default: 120)")
    parser.add_argument("--messages", type=int, default=0, help="end after so many (default: never)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
