"""A box in a call with the switchboard's echo, in a process of its own, for the benchmarks.

    python -m bench.box HOST:PORT CA_FILE TOKEN

It says a tone without pause. Every change between hearing it and not hearing it, and every event of the call, is a line
of JSON on stdout: [monotonic seconds, what]. On stdin, a line "restart" restarts ICE, "count" asks how many packets
were lost, and the end ends the call.
"""

from __future__ import annotations

import json
import sys
import time

import gevent
from gevent.fileobject import FileObject

from agent.media.bridge import close_shared_bridge
from agent.voice.connection import Connection
from agent.voice.device import Device
from bench.rig.tone import is_loud, tone
from hw.sound.wav_sound import WavSound

TONE_HZ = 440


def say(what: str) -> None:
    """Print one event with its time."""
    # In one piece, because the sound's thread and the hub both say things.
    sys.stdout.write(json.dumps([time.monotonic(), what]) + "\n")
    sys.stdout.flush()


class Ear:
    """Tells when the tone comes and goes."""

    def __init__(self) -> None:
        self._hearing = False

    def __call__(self, frame: bytes) -> None:
        hearing = is_loud(frame)
        if hearing is not self._hearing:
            self._hearing = hearing
            say("heard" if hearing else "silent")


def obey(device: Device, connection: Connection) -> None:
    """Do what stdin says until it ends; a restart is over when the box says "path"."""
    for line in FileObject(sys.stdin, "r"):
        if line.strip() == "count":
            say(f"lost {connection.media_stream.stats().packets_lost}")
        elif device.stream is not None:
            device.stream.reinvite(connection.media_stream.create_restart_offer(), connection.parameters["CallSid"])


def main() -> None:
    """Call, and stay in the call until stdin ends."""
    server, ca_file, token = sys.argv[1:]
    sound = WavSound(tone(TONE_HZ), Ear(), loop=True)
    sound.start()
    device = Device()
    device.on("error", lambda error: say(f"error {error.code}"))
    device.setup(
        token, chunderw=server, ca_file=ca_file, sound=sound, enable_ice_restart=True, codec_preferences=["opus"]
    )
    device.stream.on("connected", lambda *_: say("connected"))
    connection = device.connect({"To": "echo"})
    for event in ("accept", "reconnecting", "reconnected", "disconnect"):
        connection.on(event, lambda *_, event=event: say(event))
    connection.once("accept", lambda *_: connection.media_stream.on("selected_pair", lambda *_: say("path")))
    obey(device, connection)
    device.destroy()
    gevent.sleep(0.3)
    sound.close()
    close_shared_bridge()


if __name__ == "__main__":
    main()
