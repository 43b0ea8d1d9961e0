"""One end of a call in a process of its own, for the benchmarks: descriptions as JSON lines on stdin and stdout.

    python -m bench.endpoint offer|answer CAPTURE.wav [PLAYBACK.wav] [--set NAME=VALUE ...]
    python -m bench.endpoint offer|answer MICROPHONE SPEAKER --cards [--sound NAME=VALUE ...] [--set NAME=VALUE ...]

Each line after its description is answered by the figures of the moment. Those of the sound card and of the playout
buffer go to stderr at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import gevent
from gevent.fileobject import FileObject

from agent.media.bridge import Bridge
from agent.media.session import MediaSession
from agent.media.settings import MediaSettings
from hw.sound.interface import Sound
from hw.sound.settings import SoundSettings
from hw.sound.wav_sound import WavSound


def settings(changes: list[str]) -> dict[str, Any]:
    """Settings from NAME=VALUE pairs, the value as JSON."""
    values: dict[str, Any] = {}
    for change in changes:
        name, _, value = change.partition("=")
        read = json.loads(value)
        values[name] = tuple(read) if isinstance(read, list) else read
    return values


def card(capture: str, playback: str, changes: list[str], taps: Path | None) -> Sound:
    """A sound card, which notes what passes through it where somebody wants that; PortAudio is needed only for this."""
    from bench.taps import TappedSound
    from hw.sound.card import AlsaSound

    chosen = SoundSettings(capture=capture, playback=playback, **settings(changes))
    return TappedSound(chosen) if taps else AlsaSound(chosen)


def report(session: MediaSession, sound: Sound) -> None:
    """What the parts of this end say of themselves."""
    print(session.playout_stats() or "nothing was heard", file=sys.stderr)
    stats = getattr(sound, "stats", None)
    print(stats() if stats is not None else "files", sound.playout_target_ms, "ms ring", file=sys.stderr)


def figures(session: MediaSession, sound: Any) -> dict[str, float]:
    """What was missing so far, and how long before the card needs it sound is written, in ms."""
    playout, stats = session.playout_stats(), getattr(sound, "stats", None)
    return {
        "concealed_ms": playout.concealed_ms if playout else 0.0,
        "dry_ms": stats().underruns * sound.period_ms if stats else 0.0,
        "changed_ms": playout.inserted_ms + playout.removed_ms if playout else 0.0,
        "ahead_ms": sound.playout_target_ms,
    }


def main() -> None:
    """Negotiate, then talk until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("offer", "answer"))
    parser.add_argument("capture")
    parser.add_argument("playback", nargs="?")
    parser.add_argument("--cards", action="store_true")
    parser.add_argument("--sound", action="append", default=[])
    parser.add_argument("--set", action="append", default=[], dest="changes")
    parser.add_argument("--taps", type=Path, help="note what passes through the card, and write it to this file")
    args = parser.parse_args()
    bridge = Bridge()
    sound: Any
    if args.cards:
        sound = card(args.capture, args.playback, args.sound, args.taps)
    else:
        sound = WavSound(args.capture, args.playback, loop=True)
    session = MediaSession(bridge, MediaSettings(**settings(args.changes)), sound)
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
    for _ in lines:
        print(json.dumps(figures(session, sound)), flush=True)
    report(session, sound)
    session.close()
    sound.close()
    bridge.close()
    if args.taps:
        sound.save(args.taps)


if __name__ == "__main__":
    main()
