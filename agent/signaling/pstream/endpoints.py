"""The WebSocket addresses of the voice service (spec: signaling 2)."""

from __future__ import annotations

import re

from agent.errors import InvalidArgumentError
from agent.log import excerpt
from agent.signaling.pstream.generation import SECOND, WireGeneration
from agent.signaling.pstream.hosts import HostNames

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9.])?)(?::(?P<port>[0-9]{1,5}))?")


def signaling_uris(
    edge: HostNames = None,
    region: str | None = None,
    chunderw: HostNames = None,
    *,
    generation: WireGeneration = SECOND,
) -> list[str]:
    """Return the WebSocket addresses to try, in order; raises InvalidArgumentError.

    `chunderw` is a host, or host:port, that takes the place of everything else; `edge` may be a list. Generation 2
    takes a list for `chunderw` too, and no `region`; generation 1 takes the deprecated `region`, without `edge`.
    """
    hosts = generation.hosts(edge, region, chunderw)
    option = "chunderw" if chunderw else "edge" if edge else "region"
    for host in hosts:
        check_host(option, host)
    return [f"wss://{host}/signal" for host in hosts]


def check_host(option: str, address: str) -> None:
    """Raise InvalidArgumentError for what is neither a host nor host:port, before anybody tries to reach it."""
    found = _HOST.fullmatch(address)
    if found is None or (found["port"] and not 0 < int(found["port"]) < 65_536):
        raise InvalidArgumentError(f"option {option}: {excerpt(address)!r} is no address; give a host, or host:port,"
                                   " without wss:// and without a path")  # fmt: skip
