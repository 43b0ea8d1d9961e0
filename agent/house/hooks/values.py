"""A happening as a program or an address gets it. Pure.

What others wrote is data: it stands in variables of the environment, in JSON, or percent-encoded in a query; never in
an argument, where a name like `--exec` would be an option, and never in a shell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from agent.house.happenings import Happening

PREFIX = "KIOSK_"
KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR")


def environment(happening: Happening, identity: str, ours: Mapping[str, str]) -> dict[str, str]:
    """Make a program's environment: a few of our variables, KIOSK_EVENT, KIOSK_BOX, and the details."""
    kept = {name: ours[name] for name in KEPT if name in ours}
    details = {PREFIX + key.upper(): _text(value) for key, value in happening.details.items()}
    return {**kept, **details, PREFIX + "EVENT": happening.name, PREFIX + "BOX": identity}


def as_json(happening: Happening, identity: str) -> bytes:
    """Write it as a JSON object: event, box, and the details."""
    return json.dumps({**happening.details, "event": happening.name, "box": identity}).encode()


def as_query(happening: Happening, identity: str) -> str:
    """Write it as the query of an address."""
    details = {key: _text(value) for key, value in happening.details.items()}
    return urlencode({**details, "event": happening.name, "box": identity})


def _text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
