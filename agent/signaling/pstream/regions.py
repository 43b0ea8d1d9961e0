"""Edges and regions of the voice service, and the names that its servers give them (spec: signaling 2.2)."""

from __future__ import annotations

from typing import Final

DEFAULT_REGION: Final = "gll"

EDGE_TO_REGION: Final = {
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

REGION_TO_EDGE: Final = {region: edge for edge, region in EDGE_TO_REGION.items()} | {
    "us1-tnx": "ashburn-ix",
    "us2-tnx": "ashburn-ix",
    "ie1-tnx": "london-ix",
    "sg1-tnx": "singapore-ix",
}

LEGACY_REGIONS: Final = {
    "au": "au1", "br": "br1", "ie": "ie1", "jp": "jp1", "sg": "sg1", "us-or": "us1", "us-va": "us1",
}  # fmt: skip

SERVER_REGIONS: Final = {
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
