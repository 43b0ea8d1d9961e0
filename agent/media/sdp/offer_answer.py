"""Offer and answer of one audio call, without I/O: which text is signalled, and what both sides then agreed on.

Covers RFC 8829's part that matters here: one audio section, codec order by preference on both descriptions (spec:
signaling 10.3), DTLS roles that never change within a call, and ICE restarts as further offers of the same session.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agent.errors import InvalidStateError, SdpError
from agent.media.sdp import munge
from agent.media.sdp.codecs import (
    EVENT,
    OPUS,
    OUR_CODECS,
    RED,
    SOUND_KEYS,
    Codec,
    all_codecs,
    answer_codecs,
    is_red_of,
    with_red,
)
from agent.media.sdp.description import REVERSED, Description, IceParameters
from agent.media.sdp.parse import MAX_SDP_CHARS, parse
from agent.media.sdp.write import LocalDescription
from agent.media.settings import MediaSettings

Fingerprints = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Agreement:
    """What both descriptions together say; `sendable` may leave, `receivable` may arrive."""

    send_codec: Codec  # with the far end's payload type and parameters
    event_codec: Codec | None
    red_codec: Codec | None  # of packets that carry copies of `send_codec`'s, which is Opus then
    sendable: tuple[Codec, ...]
    receivable: tuple[Codec, ...]
    dtls_client: bool
    may_send: bool
    may_hear: bool
    fingerprints: Fingerprints
    longest_packet_ms: int
    has_rtcp_mux: bool
    remote_direction: str  # of the far end's description

    @property
    def most_bitrate(self) -> int:
        """What the far end wants at most of our Opus, in bit/s (RFC 7587 section 6.1)."""
        limit = self.send_codec.parameters.get("maxaveragebitrate", "")
        return min(max(munge.MIN_BITRATE, int(limit)), munge.MAX_BITRATE) if limit.isdecimal() else munge.MAX_BITRATE


class OfferAnswer:
    """The signaling state (W3C's names) and both descriptions."""

    def __init__(
        self,
        settings: MediaSettings,
        fingerprint: tuple[str, str],
        ssrc: int,
        cname: str,
        is_theirs: Callable[[Fingerprints], bool] = lambda _: True,
        for_sip: bool = False,
        may_move: bool = True,
    ) -> None:
        """`is_theirs` tells whether fingerprints fit the far end's certificate, as far as that is known.

        `for_sip` is for SIP peers: they take a description without an address for a call on hold. Where the far end may
        not move, another certificate is refused: who speaks for it must not take its call to somebody else.
        """
        self._may_move = may_move
        self._settings = settings
        self._is_theirs = is_theirs
        self._for_sip = for_sip
        self._version = 1
        self._local = LocalDescription(
            session_id=secrets.randbits(62),
            version=self._version,
            ice=IceParameters("", ""),
            fingerprints=(fingerprint,),
            setup="actpass",
            codecs=OUR_CODECS,
            ssrc=ssrc,
            cname=cname,
            ptime_ms=settings.packet_ms,
        )
        self._dtls_client: bool | None = None
        self._before: tuple[LocalDescription, str] = self._local, ""  # what an offer that is refused goes back to
        self._is_offerer = False  # in the latest exchange
        self.signaling_state = "stable"
        self.local_sdp = ""
        self.remote: Description | None = None

    def read(self, sdp: object) -> Description:
        """Parse the far end's description after the SDK's edits. Raises SdpError."""
        if isinstance(sdp, str) and len(sdp) <= MAX_SDP_CHARS:
            if self._settings.aggressive_nomination:
                sdp = munge.remove_ice_lite(sdp)
            sdp = munge.set_codec_preferences(sdp, self._settings.codec_preferences)
        description = parse(sdp)
        if self.remote is not None and self._names_another(self.remote.fingerprints, description.fingerprints):
            self._check_move(description.ice, self.remote.ice)
        return description

    def _check_move(self, ice: IceParameters, before: IceParameters) -> None:
        """Refuse another certificate where the far end has not moved, or may not (RFC 8842 section 3)."""
        if not self._may_move:
            raise SdpError("the far end changed its certificate within the call; it has to make a new call")
        if ice.credentials == before.credentials:
            raise SdpError("the far end changed its certificate but not its ICE credentials; it has to change both")

    def _names_another(self, before: Fingerprints, now: Fingerprints) -> bool:
        """Whether these are of another certificate; the list of hashes may be another all the same."""
        shared = {algorithm for algorithm, _ in before} & {algorithm for algorithm, _ in now}
        differ = any(not set(_of(before, algorithm)) & set(_of(now, algorithm)) for algorithm in shared)
        return differ or not self._is_theirs(now)

    def offer(self, ice: IceParameters, *, everything: bool = True) -> str:
        """Make our offer, first or further: of `everything` that we speak, or of what was agreed on.

        Who holds the call says so in the answer, so that we always offer to speak (RFC 6337 section 5.3).
        """
        if self.signaling_state == "stable":
            self._before = self._local, self.local_sdp
        codecs = self._local.codecs
        if everything:
            taken = [codec.payload_type for codec in self.remote.codecs] if self.remote else []
            codecs = with_red(all_codecs(codecs, taken), taken)
        self._local = replace(self._local, codecs=codecs, direction="sendrecv", has_rtcp_mux=True)
        text = self._write(ice, "actpass")
        self.signaling_state = "have-local-offer"
        return text

    def withdraw(self) -> None:
        """Go back to what was agreed on before our offer, which was refused."""
        self._local, self.local_sdp = self._before
        self.signaling_state = "stable"

    def accept_answer(self, answer: Description) -> Agreement:
        """Take the far end's answer to our offer; without a role it is active (RFC 4145 section 4). SdpError."""
        if answer.setup == "actpass":
            raise SdpError("the far end answered without choosing a DTLS role; it has to say active or passive")
        agreement = self._agree(answer, client=answer.setup == "passive")
        self.signaling_state, self._is_offerer = "stable", True
        return agreement

    @property
    def may_be_answered_otherwise(self) -> bool:
        """Whether the latest exchange was an offer of ours, which another fork may answer, too."""
        return self.signaling_state == "stable" and self._is_offerer

    def answer(self, offer: Description, ice: IceParameters) -> tuple[str, Agreement]:
        """Answer the far end's offer, first or further. Raises SdpError."""
        self._local = replace(
            self._local,
            codecs=answer_codecs(offer.codecs),
            mid=offer.mid,
            direction=REVERSED.get(offer.direction, offer.direction),
            others=offer.others,
            audio_index=offer.audio_index,
            profile=offer.profile,
            is_bundled=offer.is_bundled,
            has_mid=offer.has_mid,
            has_rtcp_mux=offer.has_rtcp_mux,
        )
        agreement = self._agree(offer, client=self._role_towards(offer))
        text = self._write(ice, "active" if agreement.dtls_client else "passive")
        self.signaling_state, self._is_offerer = "stable", False
        return text, agreement

    def _role_towards(self, offer: Description) -> bool:
        """Whether we are the DTLS client: as before where that is possible (RFC 8842 section 5.3), else by choice."""
        if offer.setup in ("active", "passive"):
            return offer.setup == "passive"
        goes_on = self.remote is not None and not self._names_another(self.remote.fingerprints, offer.fingerprints)
        return self._dtls_client if goes_on and self._dtls_client is not None else True

    def yield_to(self, offer: Description) -> None:
        """Forget our offer when both ends made one, unless ours stands, which both ends must judge alike.

        Raises InvalidStateError when ours stands.
        """
        if self._local.session_id > offer.session_id:
            raise InvalidStateError("both ends made an offer at once and ours stands; wait for its answer")
        self.signaling_state = "stable"

    def _write(self, ice: IceParameters, setup: str) -> str:
        codecs = _in_order(self._local.codecs, self._settings.codec_preferences)
        address = _likeliest(ice.candidates) if self._for_sip else None
        self._local = replace(
            self._local, ice=ice, setup=setup, version=self._version, codecs=codecs, address=address
        )
        self._version += 1
        self.local_sdp = munge.set_max_average_bitrate(self._local.write(), self._settings.max_average_bitrate)
        return self.local_sdp

    def _agree(self, remote: Description, client: bool) -> Agreement:
        self._dtls_client, self.remote = client, remote
        send_codec = _negotiated(remote.codecs)
        return Agreement(
            send_codec=send_codec,
            event_codec=_event_codec(answer_codecs(remote.codecs), send_codec),
            red_codec=_red_codec(remote.codecs, self._local.codecs, send_codec),
            sendable=remote.codecs,
            receivable=self._local.codecs,
            dtls_client=client,
            may_send=remote.direction in ("sendrecv", "recvonly"),
            may_hear=remote.direction in ("sendrecv", "sendonly"),
            fingerprints=remote.fingerprints,
            longest_packet_ms=remote.longest_packet_ms,
            has_rtcp_mux=remote.has_rtcp_mux,
            remote_direction=remote.direction,
        )


def _in_order(codecs: Sequence[Codec], preferences: Sequence[str]) -> tuple[Codec, ...]:
    """Put the preferred codecs first: in the `m=` line as the SDK's edit does, in the lines below as a browser does."""
    wanted = [name.lower() for name in preferences]
    return tuple(sorted(codecs, key=lambda codec: [*wanted, codec.name.lower()].index(codec.name.lower())))


def _likeliest(candidates: Sequence[str]) -> tuple[str, int] | None:
    """Address and port of the first candidate, which is the likeliest one; None where there is none yet."""
    fields = candidates[0].split() if candidates else []
    return (fields[4], int(fields[5])) if len(fields) > 5 else None


def _of(fingerprints: Fingerprints, algorithm: str) -> list[str]:
    return [value for name, value in fingerprints if name == algorithm]


def _negotiated(codecs: Sequence[Codec]) -> Codec:
    """The far end's first codec that we speak, with its parameters."""
    return next(codec for codec in codecs if codec.key in SOUND_KEYS)


def _red_codec(theirs: Sequence[Codec], ours: Sequence[Codec], audio: Codec) -> Codec | None:
    """The payload type for copies, where both ends have it and speak Opus."""
    agreed = audio.key == OPUS.key and any(codec.kind == RED for codec in ours)
    return next((codec for codec in theirs if agreed and is_red_of(codec, audio)), None)


def _event_codec(codecs: Sequence[Codec], audio: Codec) -> Codec | None:
    """The payload type for digits: on the audio's clock where possible (RFC 4733 section 2.1), else on 8000 Hz."""
    for clock_hz in (audio.clock_hz, 8_000):
        for codec in codecs:
            if codec.key == (EVENT, clock_hz):
                return codec
    return None
