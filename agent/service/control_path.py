"""Where the agent's control socket is: what whoever serves it and whoever asks there agree on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

SOCKET_NAME = "control.sock"
SERVICE_FOLDER = Path("/run/kiosk-agent")


def socket_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Choose where the control socket belongs: the service's runtime folder, the session's, or the user's own."""
    if folder := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(folder)
    if session := environ.get("XDG_RUNTIME_DIR"):
        return Path(session) / "kiosk-agent"
    return Path(f"/tmp/kiosk-agent-{os.getuid()}")


def socket_path(configured: str = "", environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of this agent's socket; `configured` wins."""
    return Path(configured) if configured else socket_folder(environ) / SOCKET_NAME
