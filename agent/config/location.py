"""Where the settings are when nobody names a file."""

from __future__ import annotations

from pathlib import Path

from agent.errors import ConfigError

HERE = Path("config.toml")
INSTALLED = Path("/etc/kiosk-agent/config.toml")  # systemd/install.sh


def settings_file(given: Path | None) -> Path:
    """Return the file to use: `given`, else config.toml of this folder, else the installed one. ConfigError."""
    if given is not None:
        return given
    for path in (HERE, INSTALLED):
        if path.exists():
            return path
    raise ConfigError(f"there is no {HERE} in this folder and no {INSTALLED}; name the settings: --config FILE")


def is_installed(path: Path) -> bool:
    """Tell whether `path` is the service's own file."""
    try:
        return path.resolve() == INSTALLED.resolve()
    except OSError:
        return False
