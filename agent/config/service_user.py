"""Going on as the user of the service, so that what is looked at is what the service will see."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from agent.config.folders import RUNTIME, STATE
from agent.config.location import is_installed

ACCOUNT = "kiosk-agent"  # it has these groups besides its own (systemd/kiosk-agent.service)
GROUPS = ("gpio", "audio")


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
