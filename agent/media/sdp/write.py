"""Our own session description, written like a browser's: the servers this talks to were built against browsers.

Payload types 111, 0, 8, 110, 126; port 9 and no address; trickle announced; whatever candidates are known at once.
SIP peers take 0.0.0.0 for a call that is held, so towards them the likeliest candidate stands in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.media.sdp.codecs import Codec
from agent.media.sdp.description import USUAL_PROFILE, IceParameters, RejectedSection

USUAL_PTIME_MS = 20
NO_ADDRESS = ("0.0.0.0", 9)  # as of somebody who trickles (RFC 8840 section 4.1.1)


@dataclass(frozen=True)
class LocalDescription:
    """What our own description says; `write` gives its text."""

    session_id: int
    version: int
    ice: IceParameters
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    codecs: tuple[Codec, ...]
    ssrc: int
    cname: str
    direction: str = "sendrecv"
    mid: str = "0"
    ptime_ms: int = USUAL_PTIME_MS
    others: tuple[RejectedSection, ...] = ()
    audio_index: int = 0
    profile: str = USUAL_PROFILE
    is_bundled: bool = True
    has_mid: bool = True
    has_rtcp_mux: bool = True
    address: tuple[str, int] | None = None  # where sound is expected; None: candidates are all that counts

    def write(self) -> str:
        """Write the description as text with CRLF line ends."""
        sections = [_write_rejected(other) for other in self.others]
        sections.insert(self.audio_index, self._audio())
        return "".join(line + "\r\n" for line in [*self._head(), *(line for part in sections for line in part)])

    def _head(self) -> list[str]:
        return [
            "v=0",
            f"o=- {self.session_id} {self.version} IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            *([f"a=group:BUNDLE {self.mid}"] if self.is_bundled else []),
            f"a=msid-semantic: WMS {self.cname}",
        ]

    def _audio(self) -> list[str]:
        numbers = " ".join(str(codec.payload_type) for codec in self.codecs)
        host, port = self.address or NO_ADDRESS
        where = f"IN IP{6 if ':' in host else 4} {host}"
        return [
            f"m=audio {port} {self.profile} {numbers}",
            f"c={where}",
            f"a=rtcp:{port} {where}",
            *(f"a=candidate:{candidate}" for candidate in self.ice.candidates),
            f"a=ice-ufrag:{self.ice.ufrag}",
            f"a=ice-pwd:{self.ice.password}",
            *(["a=ice-options:trickle"] if self.address is None else []),
            *(f"a=fingerprint:{algorithm} {value}" for algorithm, value in self.fingerprints),
            f"a=setup:{self.setup}",
            *([f"a=mid:{self.mid}"] if self.has_mid else []),
            f"a={self.direction}",
            f"a=msid:{self.cname} {self.cname}-audio",
            *(["a=rtcp-mux"] if self.has_rtcp_mux else []),
            *self._codec_lines(),
            *([f"a=ptime:{self.ptime_ms}"] if self.ptime_ms != USUAL_PTIME_MS else []),
            f"a=ssrc:{self.ssrc} cname:{self.cname}",
            f"a=ssrc:{self.ssrc} msid:{self.cname} {self.cname}-audio",
        ]

    def _codec_lines(self) -> list[str]:
        lines = []
        for codec in self.codecs:
            lines.append(f"a=rtpmap:{codec.payload_type} {codec.rtpmap}")
            if codec.parameters:
                lines.append(f"a=fmtp:{codec.payload_type} {codec.fmtp}")
        return lines


def _write_rejected(section: RejectedSection) -> list[str]:
    mid = [f"a=mid:{section.mid}"] if section.mid else []
    return [section.first_line, "c=IN IP4 0.0.0.0", "a=inactive", *mid]
