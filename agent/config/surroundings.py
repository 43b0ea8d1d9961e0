"""What is in the way of a box on this machine now, although its settings are right: told by `check`.

A box starts in spite of it, and tries again or does without; it must not stay off for what may pass.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from agent.config.location import STATE
from agent.config.sections import Config
from agent.files import state_folder
from agent.service.control import is_private, is_served
from agent.service.control_path import SERVICE_FOLDER, socket_path
from agent.signaling.sip.secret import SecretError, read_secret

_Problems = Iterator[tuple[str, str]]


def look_around(config: Config, *, as_service: bool = False) -> _Problems:
    """Find what is taken, missing or closed to this user now: key and what is wrong."""
    ours = socket_path("", {"RUNTIME_DIRECTORY": str(SERVICE_FOLDER)} if as_service else os.environ)
    control = Path(config.service.control_socket) if config.service.control_socket else ours
    if not config.service.control_socket and not as_service:
        yield from socket_folder_problems(control.parent)
    agent_runs = is_served(control) or SERVICE_FOLDER.exists()  # and has the page's address itself
    if config.page.enabled and not agent_runs:
        yield from _address("page.listen", config.page.host, config.page.port)
    if config.metrics.is_used and not agent_runs:
        yield from _address("metrics.listen", config.metrics.host, config.metrics.port)
    if config.signaling.is_sip and shutil.which(next(iter(config.sip.secret_command), "")):
        yield from _secret_command(config)
    if config.door.code or config.codes:
        yield from _memory(Path(config.service.state_dir or state_folder()))


def _secret_command(config: Config) -> _Problems:
    """Run it: one that hangs, fails or prints nothing is told before a box waits for it."""
    try:
        read_secret(config.sip, config.box.identity)
    except SecretError as error:
        yield "sip.secret_command", str(error)


def socket_folder_problems(folder: Path) -> _Problems:
    """Tell why the control socket cannot be in this folder; the unit makes the service's own folders."""
    if SERVICE_FOLDER in (folder, *folder.parents) or STATE in (folder, *folder.parents):
        return
    if not _may_write(folder):
        yield "service.control_socket", f"this user may not write {_first_there(folder)}; expected another folder"
    elif folder.exists() and not is_private(folder.lstat()):
        yield "service.control_socket", f"{folder} must be a folder that only this user may write to; change its mode"


def _memory(folder: Path) -> _Problems:
    if folder != STATE and not _may_write(folder):
        yield "service.state_dir", (f"this user may not write {_first_there(folder)}, so a restart ends the door's "
                                    "lock-out; expected another folder")  # fmt: skip


def _may_write(folder: Path) -> bool:
    there = _first_there(folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _first_there(folder: Path) -> Path:
    """The folder itself, or the one above in which it would be made."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))


def _address(key: str, host: str, port: int) -> _Problems:
    where = f"{f'[{host}]' if ':' in host else host}:{port}"
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except socket.gaierror:
        yield key, f"nobody knows an address of {host}; expected an address of this machine"
    except OSError as error:
        yield key, f"{where} cannot be used: {_explain(error)}"


def _explain(error: OSError) -> str:
    return {
        errno.EADDRINUSE: "another program listens there; stop it, or choose another port",
        errno.EADDRNOTAVAIL: 'this machine has no such address now; expected one that `ip address` lists, or "0.0.0.0"',
        errno.EACCES: "this user may not; expected a port of 1024 or more",
    }.get(error.errno or 0, error.strerror or "it is refused")
