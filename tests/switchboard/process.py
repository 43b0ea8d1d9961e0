"""A switchboard that runs as the command does, in a process of its own."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from websockets.asyncio.client import connect

from agent.switchboard.address import SwitchboardAddress
from agent.switchboard.runner import mint_for

from .phones import PATIENCE_S, Phone

RESTARTED = "signaling restarted"
KEPT = "signaling was not restarted"


class Process:
    """The running command, and phones that talk to it."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, address: SwitchboardAddress) -> None:
        self.folder = folder
        self.address = address
        self._process = process

    async def ready(self, identity: str) -> Phone:
        """Open a socket with what the state folder says now, and register."""
        context = ssl.create_default_context(cafile=self.address.ca_file)
        phone = Phone(await connect(f"wss://{self.address.server}/signal", ssl=context, ping_interval=None))
        await phone.send("listen", token=mint_for(str(self.folder), identity, 60))
        await phone.expect("connected")
        await phone.send("register", media={"audio": True})
        await phone.expect("ready")
        return phone

    async def certificate(self) -> str:
        """The certificate that it serves."""
        return await asyncio.to_thread(ssl.get_server_certificate, (self.address.host, self.address.port))

    async def hang_up(self, until_it_says: str) -> str:
        """Send SIGHUP; return the line of its log with these words."""
        self._process.send_signal(signal.SIGHUP)
        assert self._process.stderr is not None
        async with asyncio.timeout(PATIENCE_S):
            while until_it_says not in (line := (await self._process.stderr.readline()).decode()):
                assert line, "it ended"
        return line

    async def terminate(self) -> int:
        """End it as the service manager does; return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode


@asynccontextmanager
async def running_process(folder: Path) -> AsyncIterator[Process]:
    """Run the command on a free port."""
    command = (sys.executable, "-m", "agent", "switchboard", "--listen", "127.0.0.1:0", "--state-dir", str(folder))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    try:
        assert process.stdout is not None
        facts: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            while "ready" not in facts:
                name, _, value = (await process.stdout.readline()).decode().strip().partition(" ")
                facts[name] = value.strip()
        host, _, port = facts["address"].rpartition(":")
        yield Process(process, folder, SwitchboardAddress(host, int(port), Path(facts["certificate"])))
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
