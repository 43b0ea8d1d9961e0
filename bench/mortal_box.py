"""A box that may be killed at any moment, in a process of its own, for bench.survival.

    python -m bench.mortal_box HOST:PORT CA_FILE TOKEN STORE [WHOM]

It says a tone, accepts every call, and comes back to the calls that the process before it was in. With WHOM it makes a
call. What happens is a line of JSON on stdout: [monotonic seconds, what].
"""

from __future__ import annotations

import sys
from pathlib import Path

import gevent

from agent.kiosk.call_store import CallStore
from agent.voice.connection import Connection
from agent.voice.device import Device
from bench.box import TONE_HZ, Ear, say
from bench.rig.tone import tone
from hw.sound.wav_sound import WavSound

LIMIT_MS = 30_000


def follow(connection: Connection) -> None:
    """Tell what becomes of a call."""
    for event in ("accept", "reconnecting", "reconnected", "disconnect", "cancel", "digit"):
        connection.on(event, lambda *_args, event=event: say(event))


def take(connection: Connection) -> None:
    """Accept a call."""
    follow(connection)
    connection.accept()


def main() -> None:
    """Live until somebody kills it."""
    server, ca_file, token, store, *whom = sys.argv[1:]
    sound = WavSound(tone(TONE_HZ), Ear(), loop=True)
    sound.start()
    device = Device()
    device.on("ready", lambda _device: say("ready"))
    device.on("resumed", follow)
    device.on("incoming", take)
    calls = CallStore(Path(store), server, "box")
    device.setup(token, chunderw=server, ca_file=ca_file, sound=sound, call_store=calls,
                 max_call_signaling_timeout_ms=LIMIT_MS)  # fmt: skip
    say("started")
    if whom:
        follow(device.connect({"To": whom[0]}))
    while True:
        gevent.sleep(3600)


if __name__ == "__main__":
    main()
