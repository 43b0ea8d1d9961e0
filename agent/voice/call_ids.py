"""Who a call is with and what it is called (spec: connection 1)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

INCOMING = "INCOMING"
OUTGOING = "OUTGOING"

_VERIFIED = "TN-Validation-Passed-A"


def new_temporary_sid() -> str:
    """Make the name of a call until the server gives it one: `TJS` and a random UUID (spec: signaling 7)."""
    return f"TJS{uuid.uuid4()}"


def caller_info(parameters: Mapping[str, Any], direction: str) -> dict[str, bool] | None:
    """Read what SHAKEN/STIR says about the caller: None when nothing is known, else `{"isVerified": bool}`."""
    status = parameters.get("StirStatus")
    if direction == OUTGOING or not status:
        return None
    return {"isVerified": status == _VERIFIED}
