"""Tells whoever listens to a Device how long its token lives, and that it will end soon (spec: signaling 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.signaling.pstream.messages import Payload
from agent.signaling.token.expiry_notice import ExpiryNotice, TokenWillExpire
from agent.voice.driver import Driver

if TYPE_CHECKING:
    from agent.clock import Clock
    from agent.events import Emitter
    from agent.voice.protocols import SignalingStream


class TokenNotice:
    """Emits `token_told(ttl_s)` when the service has taken a token, and `tokenWillExpire(device)` before it ends."""

    def __init__(self, clock: Clock, notice_ms: float, device: Emitter) -> None:
        self._device = device
        self._driver: Driver[ExpiryNotice, TokenWillExpire] = Driver(clock, ExpiryNotice(notice_ms), self._tell)

    def listen(self, stream: SignalingStream) -> None:
        """Take what the service says on this stream."""

        def connected(_payload: Payload) -> None:
            self._driver.tell(ExpiryNotice.told, stream.token_ttl_s)
            if stream.token_ttl_s is not None:
                self._device.emit("token_told", stream.token_ttl_s)

        stream.on("connected", connected)

    def stop(self) -> None:
        """Tell nothing any more, until the service speaks again."""
        self._driver.tell(ExpiryNotice.stop)

    def _tell(self, _effect: TokenWillExpire) -> None:
        self._device.emit("tokenWillExpire", self._device)
