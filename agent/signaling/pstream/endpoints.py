"""Where the voice service is reached: edges, regions and their host names (spec: signaling 2)."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from agent.errors import InvalidArgumentError
from agent.log import excerpt

log = logging.getLogger(__name__)

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9.])?)(?::(?P<port>[0-9]{1,5}))?")

DEFAULT_REGION = "gll"

EDGE_TO_REGION = {
    "roaming": "gll",
    "sydney": "au1",
    "sao-paulo": "br1",
    "dublin": "ie1",
    "frankfurt": "de1",
    "tokyo": "jp1",
    "singapore": "sg1",
    "ashburn": "us1",
    "umatilla": "us2",
    "ashburn-ix": "us1-ix",
    "san-jose-ix": "us2-ix",
    "london-ix": "ie1-ix",
    "frankfurt-ix": "de1-ix",
    "singapore-ix": "sg1-ix",
    "sydney-ix": "au1-ix",
    "tokyo-ix": "jp1-ix",
}

REGION_TO_EDGE = {region: edge for edge, region in EDGE_TO_REGION.items()} | {
    "us1-tnx": "ashburn-ix",
    "us2-tnx": "ashburn-ix",
    "ie1-tnx": "london-ix",
    "sg1-tnx": "singapore-ix",
}

LEGACY_REGIONS = {"au": "au1", "br": "br1", "ie": "ie1", "jp": "jp1", "sg": "sg1", "us-or": "us1", "us-va": "us1"}

SERVER_REGIONS = {
    "ASIAPAC_SINGAPORE": "sg1",
    "ASIAPAC_SYDNEY": "au1",
    "ASIAPAC_TOKYO": "jp1",
    "EU_FRANKFURT": "de1",
    "EU_IRELAND": "ie1",
    "SOUTH_AMERICA_SAO_PAULO": "br1",
    "US_EAST_VIRGINIA": "us1",
    "US_WEST_OREGON": "us2",
}


def region_shortcode(server_region: str) -> str | None:
    """Return the short name of the region that `connected` reported, e.g. `us1`; None when it is not known."""
    return SERVER_REGIONS.get(server_region)


def edge_of_region(region: str) -> str:
    """Return the edge that serves this region; an unknown region is its own edge."""
    return REGION_TO_EDGE.get(region, region)


def signaling_uris(
    edge: str | Sequence[str] | None = None,
    region: str | None = None,
    chunderw: str | None = None,
) -> list[str]:
    """Return the WebSocket addresses to try, in order; raises InvalidArgumentError.

    `chunderw` is a host, or host:port, that takes the place of everything else. `edge` may be a list; the
    deprecated `region` may not be given with it.
    """
    if chunderw:
        check_host("chunderw", chunderw)
        return [f"wss://{chunderw}/signal"]
    hosts = _hosts(edge, region)
    for host in hosts:
        check_host("edge" if edge else "region", host)
    return [f"wss://{host}/signal" for host in hosts]


def check_host(option: str, address: str) -> None:
    """Raise InvalidArgumentError for what is neither a host nor host:port, before anybody tries to reach it."""
    found = _HOST.fullmatch(address)
    if found is None or (found["port"] and not 0 < int(found["port"]) < 65_536):
        raise InvalidArgumentError(f"option {option}: {excerpt(address)!r} is no address; give a host, or host:port,"
                                   " without wss:// and without a path")  # fmt: skip


def _hosts(edge: str | Sequence[str] | None, region: str | None) -> list[str]:
    if region is not None and not isinstance(region, str):
        raise InvalidArgumentError(f"region must be a name such as 'us1', not {region!r}")
    edges = _edges(edge)
    if region and edges:
        raise InvalidArgumentError("give either edge or region, not both; region is deprecated")
    if region:
        return [_host_of_deprecated_region(region)]
    return [_host_of_edge(name) for name in edges or ["roaming"]]


def _edges(edge: str | Sequence[str] | None) -> list[str]:
    if edge is None or edge == "":
        return []
    names = [edge] if isinstance(edge, str) else edge
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) and name for name in names):
        raise InvalidArgumentError(f"edge must be a name such as 'dublin', or a list of at least one, not {edge!r}")
    return list(names)


def _host_of_edge(edge: str) -> str:
    region = EDGE_TO_REGION.get(edge)
    return _host_of_region(region) if region else f"voice-js.{edge}.twilio.com"


def _host_of_deprecated_region(region: str) -> str:
    current = LEGACY_REGIONS.get(region, region)
    instead = REGION_TO_EDGE.get(current)
    log.warning("region %r is deprecated; %s", region, f"use edge {instead!r} instead" if instead else "use an edge")
    return _host_of_region(current)


def _host_of_region(region: str) -> str:
    suffix = "" if region == DEFAULT_REGION else f"-{region}"
    return f"chunderw-vpc-gll{suffix}.twilio.com"
