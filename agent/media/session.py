"""The media of one call as the hub sees it: a peer and a sound device behind plain blocking calls.

Everything that works is in the asyncio thread (`SessionCore`); this side holds the states as last reported and passes
events on in order. Events are emitted from a greenlet of the session's own, so a listener may block; it then delays
only the events behind it. A change of the network goes straight to the media, whether signaling works or not.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import gevent

from agent.closing import Closing
from agent.errors import CaptureDeniedError, CaptureError, InvalidStateError
from agent.handlers import HubEmitter
from agent.media.bridge import Bridge
from agent.media.capture_wishes import wishes_of
from agent.media.jitter.playout_stats import PlayoutStats
from agent.media.session_core import SessionCore
from agent.media.settings import MediaSettings
from agent.media.stats import LevelSnapshots, RawStats
from agent.media.streams import LocalStream, RemoteStream
from agent.net.netlink import NetworkChange
from agent.net.watch import NetworkWatch
from hw.errors import SoundDeniedError, SoundError
from hw.sound.interface import Sound

T = TypeVar("T")

STATES = ("signaling_state", "ice_gathering_state", "ice_connection_state", "connection_state", "dtls_state",
          "remote_direction")  # fmt: skip
NEGOTIATION_LIMIT_S = 10.0
IMPORT_LIMIT_S = 60.0  # on the smallest boards, right after boot

_Event = tuple[str, tuple[Any, ...]]


class MediaSession(HubEmitter, Closing):
    """One call's media; hub only. Methods marked "blocks" block the calling greenlet, nothing else.

    Events, in order: signaling_state(s) ice_gathering_state(s) ice_connection_state(s) connection_state(s)
    dtls_state(s) candidate(CandidateInfo) selected_pair(local, remote) track(remote_stream) digit(d)
    rtp_silence(age_ms) rtp_resumed() network_changed(NetworkChange) remote_direction(d): the far end's new direction,
    sendrecv, sendonly, recvonly or inactive; by all but the first and the third it holds the call.
    """

    def __init__(
        self,
        bridge: Bridge,
        settings: MediaSettings | None = None,
        sound: Sound | None = None,
        likely_address: Callable[[], str | None] = lambda: None,
        for_sip: bool = False,
    ) -> None:
        """`likely_address` names, on the hub, the local address that is known to lead out, as that of signaling.

        With `for_sip` our descriptions tell the likeliest candidate's, as SIP peers want it.
        """
        super().__init__()
        self.settings = settings or MediaSettings()
        self.signaling_state = "stable"
        self.ice_gathering_state = "new"
        self.ice_connection_state = "new"
        self.connection_state = "new"
        self.dtls_state = "new"
        self.remote_direction = "sendrecv"
        self.local_sdp = ""
        self.local_stream: LocalStream | None = None
        self.remote_stream: RemoteStream | None = None
        self._bridge = bridge
        self._sound = sound
        self._likely_address = likely_address
        self._core = SessionCore(self.settings, sound, self._report, for_sip)
        self._watch = NetworkWatch(self._network_changed)
        self._step: list[_Event] = []  # of the asyncio loop, that the hub has not been told of
        self._outbox: deque[_Event] = deque()
        self._dispatcher: gevent.Greenlet[..., None] | None = None
        self._closed = False

    def open_capture(self, constraints: Mapping[str, Any] | None = None) -> None:
        """Open the microphone and make ready for a description; blocks.

        A lost card is not an error: silence is sent until it is back. Raises CaptureDeniedError,
        CaptureError, InvalidStateError after `close`.
        """
        if self._sound is not None:
            try:
                wishes_of(self._sound).take(self._sound, self, constraints)
                self._sound.start()
            except SoundDeniedError as error:
                raise CaptureDeniedError(str(error)) from error
            except SoundError as error:
                raise CaptureError(str(error)) from error
        self._run(self._core.ready(), IMPORT_LIMIT_S)

    def create_offer(self) -> str:
        """Make an offer of all that we can and apply it, at once; within a call it restarts ICE; InvalidStateError.

        That is also what an invitation without an offer gets, the first one or a further one; the answer to it goes
        to `apply_answer`. Blocks.
        """
        return self._describe(self._core.create_offer())

    def apply_answer(self, sdp: str) -> None:
        """Apply the far end's answer, also to a restart; repeats do no harm; blocks. SdpError, InvalidStateError."""
        self._run(self._core.apply_answer(sdp))

    def replace_answer(self, sdp: str) -> None:
        """Apply another fork's answer to our offer in the place of the one before; blocks.

        Raises SdpError; InvalidStateError when no answer to an offer of ours was applied last.
        """
        self._run(self._core.replace_answer(sdp))

    def withdraw_offer(self) -> None:
        """Go back to what was agreed on before our latest offer, because that was refused; blocks.

        Without an offer that waits for its answer, and before the first answer, it changes nothing.
        """
        self._describe(self._core.withdraw_offer())

    def answer_offer(self, sdp: str) -> str:
        """Answer the far end's offer and apply both; blocks. Raises SdpError."""
        return self._describe(self._core.answer_offer(sdp))

    def create_restart_offer(self) -> str:
        """Make an offer that restarts ICE and apply it, at once; blocks. Raises InvalidStateError."""
        return self._describe(self._core.create_restart_offer())

    def mute(self, muted: bool = True) -> None:
        """Send silence instead of the microphone, or stop doing so; at any time."""
        self._bridge.call(self._core.mute, muted)

    @property
    def can_insert_dtmf(self) -> bool:
        """Whether the far end takes digits as RTP events."""
        return self._core.peer is not None and self._core.peer.rtp.can_insert_dtmf

    def insert_dtmf(self, tones: str, duration_ms: int = 160, gap_ms: int = 70) -> None:
        """Send digits as RTP events in place of sound, after those that wait for the far end to hear us."""
        self._bridge.call(self._core.insert_dtmf, tones, duration_ms, gap_ms)

    def stats(self) -> RawStats:
        """Read the figures so far; does not block."""
        peer = self._core.peer
        return peer.stats() if peer is not None else RawStats(timestamp_ms=time.time() * 1000)

    def take_snapshots(self) -> LevelSnapshots:
        """Take the level snapshots since the last call of this; there is one taker: of a Device's call, the Device."""
        peer = self._core.peer
        return peer.rtp.take_snapshots() if peer is not None else LevelSnapshots()

    def playout_stats(self) -> PlayoutStats | None:
        """Return what the jitter buffer and the decoder did so far; None before anything was heard; does not block."""
        peer = self._core.peer
        return peer.rtp.playout_stats if peer is not None else None

    def sever(self) -> None:
        """Break the path in use without telling anyone (demonstrations, tests)."""
        self._bridge.call(self._core.sever)

    def close(self) -> None:
        """End the call's media; idempotent; returns at once."""
        if self._closed:
            return
        self._closed = True
        self._watch.close()
        for stream in (self.local_stream, self.remote_stream):
            if stream is not None:
                stream.end()
        if self._sound is not None:
            wishes_of(self._sound).give_back(self._sound, self)
        self._bridge.call(self._core.close)

    def _describe(self, work: Coroutine[Any, Any, str]) -> str:
        self.local_sdp = self._run(work)
        return self.local_sdp

    def _run(self, work: Coroutine[Any, Any, T], limit_s: float = NEGOTIATION_LIMIT_S) -> T:
        if self._closed:
            work.close()
            raise InvalidStateError("the call's media was closed; make a new call")
        if self.settings.network_watch:
            self._watch.start()
        self._core.likely_address = self._likely_address()
        result = self._bridge.run(work, limit_s)
        pump = self._core.pump
        if self.local_stream is None and pump is not None:
            self.local_stream = LocalStream(self._bridge, pump.said, pump.instead, pump.signals)
        return result

    def _network_changed(self, change: NetworkChange) -> None:
        self._bridge.call(self._core.network_changed, change)

    # events

    def _report(self, name: str, *arguments: Any) -> None:
        """Pass an event from the asyncio loop to the hub, in one piece with all others of the same step.

        Whoever hears that all is agreed on finds the far end's stream, too, which is told of next.
        """
        self._step.append((name, arguments))
        if len(self._step) == 1:
            self._bridge.loop.call_soon(self._cross)

    def _cross(self) -> None:
        step, self._step = self._step, []
        self._bridge.post(self._deliver, step)

    def _deliver(self, step: list[_Event]) -> None:
        for name, arguments in step:
            if name == "track" and self._core.pump is not None:
                self.remote_stream = RemoteStream(self._bridge, self._core.pump.heard)
                arguments = (self.remote_stream,)
            elif name in STATES:
                setattr(self, name, arguments[0])
            self._outbox.append((name, arguments))
        if self._dispatcher is None or self._dispatcher.ready():
            self._dispatcher = gevent.spawn(self._dispatch)

    def _dispatch(self) -> None:
        while self._outbox:
            name, arguments = self._outbox.popleft()
            self.emit(name, *arguments)
