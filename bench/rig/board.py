"""A switchboard as a process of its own, which can be ended in any way and started again at its old address.

Hub only: gevent waits for what it prints.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import gevent
from gevent.subprocess import Popen

from agent.switchboard.runner import mint_for
from bench.rig.orphans import die_with_parent

START_S = 120.0  # of a busy machine
STOP_S = 10.0


class Board:
    """One switchboard; `start` returns when it can be called."""

    def __init__(
        self, folder: Path, host: str = "127.0.0.1", *, around: Sequence[str] = (), names: Sequence[str] = ()
    ) -> None:
        """Keep the state below `folder`; `around` is the beginning of the command, such as that of a namespace."""
        self.folder = folder
        self.port = 0
        self._host = host
        self._around = around
        self.names = names
        self._process: Popen | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{self._host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """What verifies it."""
        return self.folder / "ca.pem"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return int(self._process.pid)

    def start(self) -> None:
        """Run it, at the port that it had before, until it says that it is ready; idempotent."""
        if self._process is not None and self._process.poll() is None:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = self.folder.with_name(f"{self.folder.name}.toml")
        settings.write_text(f"[switchboard]\nnames = {list(self.names)}\n".replace("'", '"'))
        settings.chmod(0o600)
        where = ("--listen", self.address, "--state-dir", str(self.folder), "--config", str(settings))
        command = [*self._around, sys.executable, "-m", "agent", "switchboard", *where]
        self._process = Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              preexec_fn=die_with_parent)  # fmt: skip
        with gevent.Timeout(START_S, TimeoutError("the switchboard did not start")):
            self._read_until_ready(self._process)

    def _read_until_ready(self, process: Popen) -> None:
        while (line := process.stdout.readline()).strip() != "ready":
            if not line:
                raise RuntimeError("the switchboard ended before it was ready")
            if line.startswith("address "):
                self.port = int(line.rpartition(":")[2])

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End it in an orderly way, or else at once; idempotent."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(STOP_S)
            self.kill()

    def token(self, identity: str, ttl_s: int = 3600) -> str:
        """Make a token that it accepts."""
        return mint_for(str(self.folder), identity, ttl_s)
