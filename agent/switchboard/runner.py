"""Runs a switchboard on the asyncio thread for those who live on the hub, and makes tokens beside a stopped one."""

from __future__ import annotations

import logging
from pathlib import Path

from agent.closing import Closing
from agent.errors import BridgeClosedError
from agent.media.bridge import Bridge
from agent.media.settings import MediaSettings
from agent.switchboard.address import SwitchboardAddress
from agent.switchboard.server import Switchboard, mint
from agent.switchboard.settings import SwitchboardSettings
from agent.switchboard.state_dir import default_folder, load_api_key

log = logging.getLogger(__name__)

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0


class RunningSwitchboard(Closing):
    """A switchboard that was started; every method blocks the calling greenlet only."""

    def __init__(self, bridge: Bridge, switchboard: Switchboard, address: SwitchboardAddress) -> None:
        self._bridge = bridge
        self.switchboard = switchboard
        self.address = address

    @property
    def host(self) -> str:
        """The address to reach it at."""
        return self.address.host

    @property
    def port(self) -> int:
        """The port that it took."""
        return self.address.port

    @property
    def ca_file(self) -> Path:
        """What to verify it with."""
        return self.address.ca_file

    def mint(self, identity: str) -> str:
        """Make a token for `identity`."""
        return self.switchboard.mint(identity)

    def restart_signaling(self) -> None:
        """Read keys and certificates anew and drop every socket; calls keep their media.

        ConfigError when a file cannot be used: then nothing changes.
        """
        self._bridge.run(self.switchboard.restart_signaling(), timeout_s=STOP_TIMEOUT_S)

    def sever(self, identity: str) -> None:
        """Cut the media path to a client without telling anybody: for demonstrations and tests."""
        self._bridge.call(self.switchboard.sever, identity)

    def close(self) -> None:
        """Hang up every call and stop listening; idempotent."""
        try:
            self._bridge.run(self.switchboard.stop(), timeout_s=STOP_TIMEOUT_S)
        except BridgeClosedError:
            return  # the loop's end closed it
        except TimeoutError as error:
            log.warning("the switchboard is left as it is: %s", error)


def start_switchboard(
    bridge: Bridge, settings: SwitchboardSettings, media: MediaSettings | None = None
) -> RunningSwitchboard:
    """Start a switchboard on the bridge's loop; ConfigError or LocalFault when it cannot."""

    async def start() -> tuple[Switchboard, SwitchboardAddress]:
        switchboard = Switchboard(settings, media)
        return switchboard, await switchboard.start()

    return RunningSwitchboard(bridge, *bridge.run(start(), timeout_s=START_TIMEOUT_S))


def mint_for(state_dir: str, identity: str, ttl_s: int) -> str:
    """Make a token that the switchboard with this state folder accepts, whether or not it runs."""
    return mint(load_api_key(Path(state_dir or default_folder())), identity, ttl_s)
