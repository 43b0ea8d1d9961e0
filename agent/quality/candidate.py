"""An ICE candidate as Insights wants it (spec: insights 5)."""

from __future__ import annotations

import re
from typing import Any

_NETWORK_COST = re.compile(r"network-cost (\d+)")


def candidate_payload(
    *,
    type: str,
    port: int | None,
    priority: int | None,
    protocol: str | None,
    ip: str | None = None,
    address: str | None = None,
    related_address: str | None = None,
    related_port: int | None = None,
    tcp_type: str | None = None,
    sdp_mid: str | None = None,
    candidate: str = "",
    is_remote: bool = False,
) -> dict[str, Any]:
    """Build the payload of `ice-candidate`, or half of a selected pair's; `candidate` is its line of SDP."""
    cost = _NETWORK_COST.search(candidate)
    return {
        "candidate_type": type,
        "deleted": False,
        "ip": ip or address,
        "is_remote": is_remote,
        **({"network-cost": int(cost[1])} if cost else {}),
        "port": port,
        "priority": priority,
        "protocol": protocol,
        "related_address": related_address,
        "related_port": related_port,
        "tcp_type": tcp_type,
        "transport_id": sdp_mid,
    }
