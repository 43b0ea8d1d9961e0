"""Addresses of STUN and TURN servers (RFC 7064, RFC 7065): URL text to host, port, transport."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent.errors import InvalidArgumentError
from agent.media.settings import IceServer

log = logging.getLogger(__name__)

URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:?/\s]+)(?::(?P<port>\d{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class StunServer:
    """Where to ask for our public address."""

    host: str
    port: int


@dataclass(frozen=True)
class TurnServer:
    """Where to ask for a relayed address; `transport` is how we reach it, `tls` whether that is encrypted."""

    host: str
    port: int
    transport: str
    tls: bool
    username: str
    credential: str


def parse_url(url: str, username: str = "", credential: str = "") -> StunServer | TurnServer:
    """Read one URL. Raises InvalidArgumentError."""
    match = URL.fullmatch(url.strip())
    if match is None:
        raise InvalidArgumentError(f"{url!r} is no STUN or TURN address; write e.g. turn:turn.example.org:3478")
    scheme, host = match["scheme"].lower(), match["host"].strip("[]")
    tls = scheme.endswith("s")
    port = int(match["port"] or (5349 if tls else 3478))
    if scheme.startswith("stun"):
        return StunServer(host, port)
    transport = (match["transport"] or ("tcp" if tls else "udp")).lower()
    return TurnServer(host, port, transport, tls, username, credential)


def usable_servers(servers: Iterable[IceServer]) -> tuple[list[StunServer], list[TurnServer]]:
    """Keep every server that can be used, in order and without repeats; the others are logged and left out."""
    stun: dict[StunServer, None] = {}
    turn: dict[TurnServer, None] = {}
    for server in servers:
        for url in server.urls:
            try:
                parsed = parse_url(url, server.username, server.credential)
            except InvalidArgumentError as error:
                log.warning("an ICE server is left out: %s", error)
                continue
            if isinstance(parsed, StunServer):
                stun[parsed] = None
            elif parsed.tls and parsed.transport == "udp":
                log.warning("%s is left out: TURN over DTLS is not supported; use ?transport=tcp", url)
            else:
                turn[parsed] = None
    return list(stun), list(turn)
