"""The hosts that options name, in the order in which they are tried, for each generation (spec: signaling 2, 11)."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from agent.errors import InvalidArgumentError
from agent.net.address import is_label
from agent.signaling.pstream.regions import DEFAULT_REGION, EDGE_TO_REGION, LEGACY_REGIONS, REGION_TO_EDGE

log = logging.getLogger(__name__)

HostNames = str | Sequence[str] | None

DEFAULT_EDGE = "roaming"

_EDGE_URI = re.compile(r"wss://voice-js\.[A-Za-z0-9-]+\.twilio\.com/signal")


def first_hosts(edge: HostNames, region: str | None, chunderw: HostNames) -> list[str]:
    """List the hosts as SDK 1.x does: known edges by their region, one `chunderw`. Raises InvalidArgumentError."""
    if isinstance(chunderw, str) and chunderw:
        return [chunderw]
    if chunderw:
        raise InvalidArgumentError("option chunderw: give one host; a list needs generation 2")
    if region is not None and not isinstance(region, str):
        raise InvalidArgumentError(f"region must be a name such as 'us1', not {region!r}")
    edges = _named("edge", edge)
    if region and edges:
        raise InvalidArgumentError("give either edge or region, not both; region is deprecated")
    if region:
        return [_host_of_deprecated_region(region)]
    return [_host_of_known_edge(name) for name in edges or [DEFAULT_EDGE]]


def second_hosts(edge: HostNames, region: str | None, chunderw: HostNames) -> list[str]:
    """List the hosts as SDK 2.x does: every edge by its own name, no regions. Raises InvalidArgumentError."""
    if region:
        raise InvalidArgumentError("option region: generation 2 has no regions; give an edge, such as 'ashburn'")
    return _named("chunderw", chunderw) or [edge_host(name) for name in _named("edge", edge) or [DEFAULT_EDGE]]


def edge_host(edge: str) -> str:
    """Name the host of any edge of SDK 2.x."""
    return f"voice-js.{edge}.twilio.com"


def edge_uri(uri: str, edge: str | None) -> str:
    """Return the address of this edge in place of `uri`, which may lead to any; the same where there are no edges."""
    if edge is None or not _EDGE_URI.fullmatch(uri) or not is_label(edge):
        return uri
    return f"wss://{edge_host(edge)}/signal"


def _named(option: str, given: HostNames) -> list[str]:
    if given is None or given == "":
        return []
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) and name for name in names):
        raise InvalidArgumentError(f"{option} must be a name, or a list of at least one, not {given!r}")
    return list(names)


def _host_of_known_edge(edge: str) -> str:
    region = EDGE_TO_REGION.get(edge)
    return _host_of_region(region) if region else edge_host(edge)


def _host_of_deprecated_region(region: str) -> str:
    current = LEGACY_REGIONS.get(region, region)
    instead = REGION_TO_EDGE.get(current)
    log.warning("region %r is deprecated; %s", region, f"use edge {instead!r} instead" if instead else "use an edge")
    return _host_of_region(current)


def _host_of_region(region: str) -> str:
    suffix = "" if region == DEFAULT_REGION else f"-{region}"
    return f"chunderw-vpc-gll{suffix}.twilio.com"
