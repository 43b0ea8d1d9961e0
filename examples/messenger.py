"""Calls somebody as a program of the Voice JavaScript SDK 2.x would, and exchanges messages along with the call.

    python -m examples.messenger 100 --server HOST:8443 --ca-file ca.pem --key-file api_key.json \\
        --say "the parcel is here" --seconds 20

Ends with 0 when the call was answered, with 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import gevent
from gevent.queue import Queue

from agent import Call, Device
from agent.signaling.token.token_source import TokenSettings, TokenSource
from examples.setting_up import add_arguments, events_of

REGISTER_WITHIN_S = 20.0
STEPS = ("ringing", "accept", "reconnecting", "reconnected", "messageSent", "messageReceived", "error", "disconnect")


def main() -> int:
    options = arguments().parse_args()
    tokens = TokenSource(TokenSettings(key_file=options.key_file, url=options.token_url), options.identity)
    own_server = {"chunderw": options.server, "caFile": options.ca_file} if options.server else {}
    device = Device(tokens.fetch(), {"noRegister": True, "maxCallSignalingTimeoutMs": 30_000, **own_server})
    device.on("tokenWillExpire", lambda device: device.update_token(tokens.fetch()))
    device.on("error", lambda error: print("device error", error, flush=True))
    device.on("registered", lambda: print("registered as", device.identity, flush=True))
    try:
        device.register().get(timeout=REGISTER_WITHIN_S)
        call = device.connect({"params": {"To": options.whom}})
        return talk(call, events_of(call, *STEPS), options)
    finally:
        device.destroy()


def talk(call: Call, steps: Queue[tuple[str, tuple[Any, ...]]], options: argparse.Namespace) -> int:
    """See the call through to its end; this runs in the main greenlet, so it may wait as long as it likes."""
    answered = False
    while (step := steps.get())[0] != "disconnect":
        name, args = step
        print(name, *(args if name in ("error", "messageSent", "messageReceived") else ()), flush=True)
        if name == "accept":
            answered = True
            if options.say:
                call.send_message({"content": {"text": options.say}, "messageType": "user-defined-message"})
            gevent.spawn_later(options.seconds, call.disconnect)
    return 0 if answered else 1


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, "messenger")
    parser.add_argument("whom", metavar="WHOM", help="number or identity to call")
    parser.add_argument("--say", metavar="TEXT", default="", help="send this as a message when answered")
    parser.add_argument("--seconds", type=float, default=10.0, help="hang up this long after the answer (default: 10)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
