"""Calls somebody, presses keys when they answer, and records what they say.

    python -m examples.dialler 100 --server HOST:8443 --ca-file ca.pem --key-file api_key.json \\
        --digits 12w# --record heard.wav --seconds 20

Ends with 0 when the call was answered, with 1 and the reason otherwise.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from typing import Any

import gevent
from gevent.queue import Queue

from agent import Connection
from examples.setting_up import add_arguments, events_of, phone
from hw.sound import AlsaSound
from hw.sound.wav_files import load_pcm
from hw.sound.wav_sound import WavSound

SILENT_S = 60.0  # of a service that does not even say that it rings
STEPS = ("ringing", "accept", "reconnecting", "reconnected", "digit", "error", "cancel", "disconnect")


def main() -> int:
    options = arguments().parse_args()
    said = load_pcm(options.speak) if options.speak else b""
    with AlsaSound() if options.card else WavSound() as sound:
        sound.start()
        with phone(options, sound=sound, enable_ringing_state=True, enable_ice_restart=True) as device:
            call = device.connect({"To": options.whom})
            if isinstance(sound, WavSound):
                call.on("accept", lambda _call: sound.speak(said))  # not before: nobody would hear its beginning
            return talk(call, events_of(call, *STEPS), options)


def talk(call: Connection, steps: Queue[tuple[str, tuple[Any, ...]]], options: argparse.Namespace) -> int:
    """See the call through to its end; this runs in the main greenlet, so it may wait as long as it likes."""
    answered, why = False, f"nobody answered within {options.ring_seconds:g} s"
    giving_up = gevent.spawn_later(SILENT_S, call.disconnect)
    with ExitStack() as at_the_end:
        while (step := steps.get())[0] not in ("cancel", "disconnect"):
            name, args = step
            print(name, *(args if name in ("digit", "error") else ()), flush=True)
            if name == "error":
                why = str(args[0])
            elif name == "ringing":
                giving_up.kill()
                giving_up = gevent.spawn_later(options.ring_seconds, call.disconnect)
            elif name == "accept":
                answered = True
                giving_up.kill()
                if options.record:
                    at_the_end.enter_context(call.get_remote_stream().record(options.record))
                if options.digits:
                    call.send_digits(options.digits)
                gevent.spawn_later(options.seconds, call.disconnect)
    if not answered:
        print(f"{options.whom}: {why}", file=sys.stderr)
    return 0 if answered else 1


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, "dialler")
    parser.add_argument("whom", metavar="WHOM", help="number or identity to call")
    parser.add_argument("--digits", default="", help="keys to press when answered: 0-9 * # and w, a pause of 0.5 s")
    parser.add_argument("--record", metavar="WAV", help="file for what the other end says")
    parser.add_argument("--seconds", type=float, default=10.0, help="hang up this long after the answer (default: 10)")
    parser.add_argument("--ring-seconds", type=float, default=60.0, help="let it ring so long (default: 60)")
    voice = parser.add_mutually_exclusive_group()
    voice.add_argument("--card", action="store_true", help="talk through the sound card")
    voice.add_argument("--speak", metavar="WAV", help="say this file when answered (default: silence)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
