"""The service's own folders (systemd/kiosk-agent.service)."""

from __future__ import annotations

from pathlib import Path

STATE = Path("/var/lib/kiosk-agent")
RUNTIME = Path("/run/kiosk-agent")
