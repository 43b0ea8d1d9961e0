"""Place a call from this machine, with its sound card or with WAV files."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from agent.commands import settings_option


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("to", metavar="WHOM", help="an entry of [directory], or else a name or a number")
    settings_option(parser)
    parser.add_argument("--identity", metavar="NAME", help="the name to call under (default: [box] identity)")
    parser.add_argument("--param", metavar="K=V", action="append", default=[], help="goes with the call; repeatable")
    parser.add_argument("--capture", metavar="WAV", type=Path, help="speak this file in the place of the microphone")
    parser.add_argument("--playback", metavar="WAV", type=Path, help="record what is heard in this file")
    parser.add_argument("--seconds", metavar="S", type=float, default=0.0, help="hang up then (default: never)")
    parser.add_argument("--digits", metavar="D", default="", help="dial these when the call is answered: 0-9 * # w")


def perform(options: argparse.Namespace) -> int:
    """Call, wait for the end, and say how it went. InvalidArgumentError, CallFailedError."""
    from dataclasses import replace

    from agent.config import load_for_calls
    from agent.config.location import settings_file
    from agent.service.journal import set_up_logging

    config = load_for_calls(settings_file(options.config))
    if options.identity:
        config = replace(config, box=replace(config.box, identity=options.identity), sip=replace(config.sip, user=""))
    params = _checked(options)
    set_up_logging("debug" if options.verbose else "warning")

    from agent.kiosk.single_call import SingleCall

    call = SingleCall(config, options.capture, options.playback)
    return call.run(options.to, params, options.seconds, options.digits)


def _checked(options: argparse.Namespace) -> dict[str, str]:
    """The parameters of the call; InvalidArgumentError names an argument that cannot be used."""
    from agent.errors import InvalidArgumentError
    from agent.voice.digits import check_digits

    for param in options.param:
        if "=" not in param:
            raise InvalidArgumentError(f"--param {param!r} has no value; write NAME=VALUE")
    if not 0 <= options.seconds <= threading.TIMEOUT_MAX:
        raise InvalidArgumentError("--seconds: give a number above 0; 0 is without end")
    if options.capture and not options.capture.is_file():
        raise InvalidArgumentError(f"--capture: there is no file {options.capture}")
    if options.digits:
        check_digits(options.digits)
    return dict(param.split("=", 1) for param in options.param)
