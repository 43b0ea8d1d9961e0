"""The side of one call's media that works in the asyncio thread: a peer, and the pump between it and a sound device.

`agent.media.peer`, and with it aiortc, is imported there, when it is first needed, because that takes a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.closing import Closing
from agent.errors import InvalidStateError
from agent.media.settings import MediaSettings
from agent.net.netlink import NetworkChange
from hw.sound.interface import Sound

if TYPE_CHECKING:
    from agent.media.peer import Peer
    from agent.media.peer_states import EventSink
    from agent.media.pump import SoundPump


class SessionCore(Closing):
    """Works in the asyncio loop; only plain attributes are read from the hub."""

    def __init__(
        self, settings: MediaSettings, sound: Sound | None, report: EventSink, for_sip: bool = False
    ) -> None:
        self.peer: Peer | None = None
        self.pump: SoundPump | None = None
        self.likely_address: str | None = None  # known to lead out
        self._settings = settings
        self._sound = sound
        self._report = report
        self._for_sip = for_sip
        self._gone: frozenset[str] = frozenset()  # addresses that this machine had, and has no more
        self._muted = False
        self._closed = False

    async def ready(self) -> Peer:
        """Return the peer, made when first needed. Raises InvalidStateError after `close`."""
        if self.peer is None:
            from agent.media.peer import Peer
            from agent.media.pump import SoundPump

            if self._closed:
                raise InvalidStateError("the call's media was closed; make a new call")
            self.peer = Peer(self._settings, self._report, for_sip=self._for_sip)
            self.peer.rtp.mute(self._muted)
            self.pump = SoundPump(self.peer.rtp, self._sound)
            self.peer.rtp.on_arrival = self.pump.arrived
            self.pump.collect = self.peer.rtp.collect
        self.peer.prefer(self.likely_address)
        return self.peer

    def network_changed(self, change: NetworkChange) -> None:
        """Move to another address at once if ours is gone; report what this call can feel.

        Not, say, that some other program made a bridge.
        """
        self._gone = (self._gone | change.removed) - change.added
        peer = self.peer
        if peer is None or self._closed:
            return
        stranded = peer.local_address in self._gone or peer.ice_connection_state != "connected"
        if stranded:
            peer.migrate()
        if change.routes_changed or (stranded and (change.added or change.removed)):
            self._report("network_changed", change)

    async def create_offer(self) -> str:
        """Make our offer, of all that we can."""
        return await (await self.ready()).create_offer()

    async def apply_answer(self, sdp: str) -> None:
        """Take the far end's answer."""
        await (await self.ready()).apply_answer(sdp)

    async def replace_answer(self, sdp: str) -> None:
        """Take another fork's answer in the place of the one before."""
        await (await self.ready()).replace_answer(sdp)

    async def withdraw_offer(self) -> str:
        """Take back our offer, which was refused; returns our description in force."""
        peer = await self.ready()
        await peer.withdraw_offer()
        return peer.local_sdp

    async def answer_offer(self, sdp: str) -> str:
        """Answer the far end's offer."""
        return await (await self.ready()).answer_offer(sdp)

    async def create_restart_offer(self) -> str:
        """Make an offer that restarts ICE."""
        return await (await self.ready()).create_restart_offer()

    def mute(self, muted: bool) -> None:
        """Send silence, or stop doing so; also before there is a peer."""
        self._muted = muted
        if self.peer is not None:
            self.peer.rtp.mute(muted)

    def insert_dtmf(self, tones: str, duration_ms: int, gap_ms: int) -> None:
        """Send digits; without effect before there is a peer."""
        if self.peer is not None:
            self.peer.rtp.insert_dtmf(tones, duration_ms, gap_ms)

    def sever(self) -> None:
        """Break the path in use without telling anyone."""
        if self.peer is not None:
            self.peer.sever()

    def close(self) -> None:
        """End the media; idempotent."""
        self._closed = True
        if self.pump is not None:
            self.pump.close()
        if self.peer is not None:
            self.peer.close()
