"""The media of a replayed call: it negotiates at once, and its path does what the transcript says the path did."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gevent.event import Event

from agent.clock import Clock
from agent.errors import CaptureDeniedError, CaptureError
from agent.events import Emitter
from agent.media.sdp import munge
from agent.media.sdp.description import IceParameters
from agent.media.sdp.offer_answer import Agreement, OfferAnswer
from agent.media.settings import MediaSettings
from agent.media.stats import CandidateInfo, LevelSnapshots, RawStats

SILENCE = (np.zeros(32, np.int16),) * 20
PACKETS_PER_S = 50
BYTES_PER_PACKET = 160
FINGERPRINT = ("sha-256", ":".join(["AB"] * 32))


class Flow:
    """Counts what flows in one direction while it does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._packets = 0.0
        self._since: float | None = None
        self.ever = False

    def set(self, flows: bool) -> None:
        self._packets = self._now()
        self._since = self._clock.now() if flows else None
        self.ever = self.ever or flows

    @property
    def flows(self) -> bool:
        return self._since is not None

    @property
    def packets(self) -> int:
        return int(self._now())

    def _now(self) -> float:
        passed = 0.0 if self._since is None else self._clock.now() - self._since
        return self._packets + passed * PACKETS_PER_S


class ScriptedSession(Emitter):
    """Stands in the place of a MediaSession: its descriptions are those of the product, its path is the script's.

    Emits, besides a session's events, `told(name, value)` for what it was asked to capture, to play and to apply.
    """

    def __init__(
        self,
        settings: MediaSettings,
        clock: Clock,
        hole: bool,
        measured: Callable[[], Mapping[str, float]] = dict,
        *,
        is_slow: bool = False,
    ) -> None:
        """`measured()` is what the recorded browser measured now; one that `is_slow` waits for `settled`."""
        super().__init__()
        self.settings = settings
        self.ice_connection_state = "new"
        self.local_stream = object()
        self.remote_stream: object | None = None
        self.can_insert_dtmf = False
        self.closed = False
        self.hole = hole
        self._clock = clock
        self._measured = measured
        self._counted: Mapping[str, float] = {}
        self._flowed = self._arrived = self._bytes = self._lost = 0
        self._captured = Event()
        self._settled = Event()
        if not is_slow:
            self._settled.set()
        self._capture_error: CaptureError | None = None
        self._codec_name: str | None = None
        self._paths = itertools.count(1)
        self._negotiation = OfferAnswer(settings, FINGERPRINT, 1, "conformance")
        self._sent, self._received = Flow(clock), Flow(clock)
        self._sends = False
        self._restarted = False
        self._random = random.Random(1)

    @property
    def is_captured(self) -> bool:
        """Whether the browser has decided about the microphone."""
        return self._captured.is_set()

    # What the transcript does

    def capture(self, error: dict[str, Any] | None) -> None:
        """The browser gave the microphone, or refused it."""
        if error is not None:
            denied = error.get("name") in ("NotAllowedError", "PermissionDeniedError") or error.get("code") == 31208
            self._capture_error = CaptureDeniedError("denied") if denied else CaptureError("failed")
        self._captured.set()

    @property
    def is_settled(self) -> bool:
        """Whether the browser has come to the end of the first negotiation."""
        return self._settled.is_set()

    def settled(self) -> None:
        """The browser has applied the first answer."""
        self._settled.set()

    def path(self, state: str) -> None:
        """The ICE connection state changed."""
        self.ice_connection_state = state
        self._flow()
        self.emit("ice_connection_state", state)

    def blackhole(self, on: bool) -> None:
        """Packets vanish, or arrive again."""
        self.hole = on
        self._flow()

    def candidate(self) -> None:
        self.emit("candidate", CandidateInfo("host", "10.77.0.1", 40_000, 1, "udp"))

    def _flow(self) -> None:
        """Sound flows on a path that only seems lost, until a restart has taken it away."""
        connected = self.ice_connection_state == "connected"
        self._sends = connected or (self._sends and not self._restarted)
        self._restarted = self._restarted and not connected
        self._sent.set(self._sends)
        self._received.set(self._sends and not self.hole)

    # What the call does

    @property
    def signaling_state(self) -> str:
        return self._negotiation.signaling_state

    @property
    def local_sdp(self) -> str:
        return self._negotiation.local_sdp

    def open_capture(self, constraints: Any) -> None:
        self.emit("told", "capture", {"audio": True if constraints is None else dict(constraints)})
        self._captured.wait()
        if self._capture_error is not None:
            raise self._capture_error

    def create_offer(self) -> str:
        sdp = self._negotiation.offer(self._new_path())
        self._signal()
        return sdp

    create_restart_offer = create_offer

    def apply_answer(self, sdp: str) -> None:
        self.emit("told", "remote answer", self._edited(sdp))
        answer = self._negotiation.read(sdp)
        if self.signaling_state != "have-local-offer":
            return
        self._agree(self._negotiation.accept_answer(answer))
        self._signal()
        if self.remote_stream is not None:
            self._restarted = True
            self._flow()
        self._track()
        self._settled.wait()

    def answer_offer(self, sdp: str) -> str:
        self.emit("told", "remote offer", self._edited(sdp))
        offer = self._negotiation.read(sdp)
        self.emit("signaling_state", "have-remote-offer")
        self._track()
        answer, agreement = self._negotiation.answer(offer, self._new_path())
        self._agree(agreement)
        self._signal()
        return answer

    def mute(self, flag: bool) -> None: ...

    def insert_dtmf(self, tones: str, duration_ms: int = 160, gap_ms: int = 70) -> None:
        self.emit("told", "digits", {"tones": tones, "duration": duration_ms, "gap": gap_ms})

    def stats(self) -> RawStats:
        measured = self._measured()
        self._count(measured)
        received = self._arrived if self._received.ever and "nothing" not in measured else None
        return RawStats(
            timestamp_ms=self._clock.now() * 1000,
            jitter_ms=measured.get("jitter", 3.0) if received is not None else None,
            packets_lost=self._lost if received is not None else None,
            packets_received=received,
            bytes_received=None if received is None else self._bytes,
            packets_sent=self._sent.packets,
            bytes_sent=self._sent.packets * BYTES_PER_PACKET,
            codec_name=self._codec_name,
            rtt_ms=measured.get("rtt", None if received is None else 20.0),
        )

    def _count(self, measured: Mapping[str, float]) -> None:
        """Count what arrived, and what did not, as it was counted then where that is known."""
        came, self._flowed = self._received.packets - self._flowed, self._received.packets
        known: Mapping[str, float] = {} if measured is self._counted else measured
        self._counted = measured
        self._lost += int(known.get("lost", 0))
        self._arrived += int(known.get("received", came))
        self._bytes += int(known.get("bytes", came * BYTES_PER_PACKET))

    def take_snapshots(self) -> LevelSnapshots:
        return LevelSnapshots(self._sound(), self._sound() if self._received.flows else SILENCE)

    def close(self) -> None:
        self.closed = True
        self._settled.set()

    def _edited(self, sdp: str) -> str:
        """As the SDK gives it to the browser."""
        if self.settings.aggressive_nomination:
            sdp = munge.remove_ice_lite(sdp)
        return munge.set_codec_preferences(sdp, self.settings.codec_preferences)

    def _new_path(self) -> IceParameters:
        n = next(self._paths)
        return IceParameters(f"path{n}", f"password-of-the-path-{n:04}")

    def _agree(self, agreement: Agreement) -> None:
        self.can_insert_dtmf = agreement.event_codec is not None
        self._codec_name = agreement.send_codec.kind

    def _sound(self) -> tuple[Any, ...]:
        """One second of sound whose level changes, as speech does."""
        def level() -> int:
            return self._random.choice((30, 300, 3000))

        return tuple((np.sin(np.arange(32)) * level()).astype(np.int16) for _ in range(20))

    def _signal(self) -> None:
        self.emit("signaling_state", self.signaling_state)

    def _track(self) -> None:
        if self.remote_stream is None:
            self.remote_stream = object()
            self.emit("track", self.remote_stream)
