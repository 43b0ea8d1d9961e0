"""One end of a call in a process of its own, for the benchmarks: descriptions as JSON lines on stdin and stdout.

    python -m bench.endpoint offer|answer CAPTURE.wav [PLAYBACK.wav] [--set NAME=VALUE ...]
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import gevent
from gevent.fileobject import FileObject

from agent.media.loop import Bridge
from agent.media.session import MediaSession
from agent.media.settings import MediaSettings
from hw.virtual import WavSound


def settings(changes: list[str]) -> MediaSettings:
    """Settings from NAME=VALUE pairs, the value as JSON."""
    values: dict[str, Any] = {}
    for change in changes:
        name, _, value = change.partition("=")
        read = json.loads(value)
        values[name] = tuple(read) if isinstance(read, list) else read
    return MediaSettings(**values)


def main() -> None:
    """Negotiate, then talk until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("offer", "answer"))
    parser.add_argument("capture")
    parser.add_argument("playback", nargs="?")
    parser.add_argument("--set", action="append", default=[], dest="changes")
    args = parser.parse_args()
    bridge = Bridge()
    sound = WavSound(args.capture, args.playback, loop=True)
    session = MediaSession(bridge, settings(args.changes), sound)
    lines = FileObject(sys.stdin, "r")
    session.open_capture()
    if args.role == "offer":
        print(json.dumps(session.create_offer()), flush=True)
        session.apply_answer(json.loads(lines.readline()))
    else:
        print(json.dumps(session.answer_offer(json.loads(lines.readline()))), flush=True)
    while session.connection_state != "connected":
        gevent.sleep(0.02)
    print(json.dumps("connected"), flush=True)
    lines.read()
    session.close()
    sound.close()
    bridge.close()


if __name__ == "__main__":
    main()
