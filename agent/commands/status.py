"""Print what the running agent is doing."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from agent.commands import settings_option
from agent.terminal import say
from hw.words import tidy


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser, "where the service has them; they may name its socket")
    parser.add_argument("--json", action="store_true", help="print it as one JSON object")


def perform(options: argparse.Namespace) -> int:
    """Ask the running agent for its status and print it. Raises ControlError."""
    from agent.config.part import control_socket_of
    from agent.service.control_client import ControlClient
    from agent.service.releases import refused_release

    with ControlClient(control_socket_of(options.config)) as client:
        status = client.request("status")
    say(*(json.dumps(status, indent=2).split("\n") if options.json else _in_lines(status)))
    if (refused := refused_release()) and not options.json:
        say(_line("update", f"{refused} did not get ready, and was taken back"))
    return 0


def _in_lines(status: Any) -> list[str]:
    from agent.errors import ControlError
    from agent.service.control_client import OTHER_VERSION

    try:
        return list(in_words(tidy(status)))
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ControlError(OTHER_VERSION) from None


def in_words(status: Mapping[str, Any]) -> Iterator[str]:
    """Word the status as lines for people."""
    yield _line("box", status["identity"], *(state.replace("_", " ") for state in status["states"]))
    service = status["service"]
    yield _line("version", status["version"], f"up {duration(status['up_s'])}")
    yield _line("service", "ready" if service["ready"] else "offline", status["edge"], service["reason"])
    yield _line("sound", status["sound"]["state"], status["sound"]["reason"], f"volume {status['volume_percent']} %")
    if (page := status["page"])["url"]:
        yield _line("page", page["url"], f"password in {page['key_file']}" if page["key_file"] else "")
    if door := status["door"]:
        yield _line("door", "open" if door["open"] else "shut", "codes are locked out" if door["locked"] else "")
    if packets := status.get("packets"):  # not told by a box that is out of order
        yield _line("packets", packets)
    yield _line("call", *(_call(status["call"]) if status["call"] else ["none"]))
    if last := status["last_call"]:
        yield _line("last call", _peer(last), last["outcome"], _moment(last["at_ms"]))
    if error := status["last_error"]:
        yield _line("last error", error["part"], error["why"], _moment(error["at_ms"]))
    for name, light in status["lights"].items():
        yield _line(f"light {name}", light["shape"], light["state"].replace("_", " "))
    for button in status["buttons"]:
        yield _line(f"button {button['name']}", *(f"{when}: {does}" for when, does in button["actions"].items()))
    for name, part in status["parts"].items():
        yield _line(f"part {name}", "up" if part["up"] else "down", _times(part["restarts"]))
    for part, why in status["troubles"].items():
        yield _line("trouble", part, why)


def _call(call: Mapping[str, Any]) -> list[str]:
    words = [_peer(call), call["status"]]
    words += ["muted"] if call["muted"] else []
    figures = (("codec", "{}"), ("rtt_ms", "round trip {:.0f} ms"), ("loss_percent", "loss {:.1f} %"),
               ("mos", "quality {:.1f} of 5"))  # fmt: skip
    return words + [shown.format(call[name]) for name, shown in figures if call[name] is not None]


def _peer(call: Mapping[str, Any]) -> str:
    """Say with whom a call is, and who of several has answered it."""
    by = call["answered_by"]
    told = f" ({by} answered)" if by not in ("", call["peer"]) else ""
    return f"{'from' if call['direction'] == 'incoming' else 'to'} {call['peer']}{told}"


def duration(seconds: float) -> str:
    """Word a duration by its two greatest units: `3 d 4 h`, `12 min 5 s`, `9 s`."""
    left, units = int(seconds), []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        units += [f"{count} {unit}"] if count else []
    return " ".join(units[:2]) or "0 s"


def _moment(at_ms: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_ms / 1000))


def _times(restarts: int) -> str:
    return f"restarted {restarts} time{'s' if restarts != 1 else ''}" if restarts else ""


def _line(name: str, *facts: str | None) -> str:
    return f"{name:<16} {', '.join(fact for fact in facts if fact)}".rstrip()
