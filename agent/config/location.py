"""Where the settings are when nobody names a file, and whose they are."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from agent.errors import ConfigError

HERE = Path("config.toml")
INSTALLED = Path("/etc/kiosk-agent/config.toml")  # systemd/install.sh
ACCOUNT = "kiosk-agent"  # the service's user; it has these groups besides its own (systemd/kiosk-agent.service)
GROUPS = ("gpio", "audio")
STATE = Path("/var/lib/kiosk-agent")
RUNTIME = Path("/run/kiosk-agent")
UNSEEN = ("/home", "/root", "/tmp", "/var/tmp", "/run/user")  # the unit hides these from the service


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


def as_service(path: Path) -> bool:
    """Go on as the service's user if root is about to look at the service's settings; whether that was done."""
    if os.geteuid() != 0 or not is_installed(path):
        return False
    try:
        become(pwd.getpwnam(ACCOUNT))
    except KeyError:  # not installed as a service
        return False
    return True


def become(account: pwd.struct_passwd) -> None:
    """Become that user, with the groups that the service has; needs root."""
    import encodings.idna  # noqa: F401, what is loaded later may lie where only root reads it

    import agent.config.exposure
    import agent.config.foresight  # noqa: F401

    groups = [grp.getgrnam(name).gr_gid for name in GROUPS if _exists(name)]
    os.setgroups([account.pw_gid, *groups])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    for name in ("XDG_RUNTIME_DIR", "PULSE_SERVER", "SUDO_USER", "LOGNAME", "USER"):
        os.environ.pop(name, None)
    home = RUNTIME if RUNTIME.exists() else account.pw_dir  # as in the unit: PulseAudio's library complains without one
    os.environ.update(HOME=str(home), USER=account.pw_name)
    if STATE.exists():
        os.environ.setdefault("STATE_DIRECTORY", str(STATE))


def _exists(group: str) -> bool:
    try:
        grp.getgrnam(group)
    except KeyError:
        return False
    return True
