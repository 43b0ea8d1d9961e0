"""Registers with a PBX by SIP, says one thing to whoever calls, and hangs up.

    python -m examples.announcement wss://pbx.example.org:7443/ws --user 200 --domain pbx.example.org \\
        --secret-file secret.txt --say opening_hours.wav

Ends with 0 after so many calls as --calls names, and never without it; with 1 and the reason when the PBX refuses it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.queue import Queue

from agent import Connection, Device
from hw.sound.wav_files import load_pcm
from hw.sound.wav_sound import WavSound

REFUSED = 31201
BYTES_A_SECOND = 2 * 48_000


def main() -> int:
    options = arguments().parse_args()
    account = {
        "edges": options.edge,
        "user": options.user,
        "domain": options.domain,
        "secret": options.secret_file.read_text().strip(),
        "display_name": options.name,
    }
    words = load_pcm(options.say)
    news: Queue[Any] = Queue()
    with WavSound() as sound, Device() as device:
        sound.start()
        device.on("ready", lambda _device: print("ready", flush=True))
        device.on("incoming", news.put)
        device.on("error", lambda error: news.put(error) if error.code == REFUSED else None)  # others pass
        device.setup(protocol="sip", sip=account, sound=sound, ca_file=options.ca_file)
        while options.calls is None or options.calls > 0:
            one = news.get()
            if not isinstance(one, Connection):
                print(one, file=sys.stderr)
                return 1
            announce(one, sound, words)
            options.calls = None if options.calls is None else options.calls - 1
    return 0


def announce(call: Connection, sound: WavSound, words: bytes) -> None:
    """Take one call, say the words (48 kHz mono int16) and hang up; who calls meanwhile hears that it is busy."""
    over = Event()
    print("call from", call.parameters["From"], flush=True)
    call.on("accept", lambda _call: sound.speak(words))
    call.on("accept", lambda _call: gevent.spawn_later(len(words) / BYTES_A_SECOND, call.disconnect))
    for end in ("disconnect", "cancel"):
        call.on(end, lambda *_: over.set())
    call.accept()
    over.wait()


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("edge", metavar="WSS", nargs="+", help="addresses of the PBX: wss://HOST[:PORT]/PATH")
    parser.add_argument("--user", required=True, help="name or number at the PBX")
    parser.add_argument("--domain", required=True, help="domain of the PBX")
    parser.add_argument("--secret-file", metavar="FILE", type=Path, required=True, help="file with the password")
    parser.add_argument("--ca-file", metavar="PEM", help="authority of its certificate (default: those of this system)")
    parser.add_argument("--name", default="Announcement", help="shown to callers' phones")
    parser.add_argument("--say", metavar="WAV", required=True, help="what is said")
    parser.add_argument("--calls", type=int, help="end after so many calls (default: never)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
