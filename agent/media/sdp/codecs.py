"""The codecs of a description: what a payload type is, which ones we speak, what is offered and what answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

DYNAMIC = range(96, 128)  # payload types that a description gives out (RFC 3551 section 6)
EVENT = "telephone-event"
UNKNOWN = "unknown"  # of a payload whose type was not negotiated
COMFORT_NOISE = 13  # payload type, which is nobody else's (RFC 3551 section 6)
RED = "red"
KINDS = {"opus": "opus", "pcmu": "PCMU", "pcma": "PCMA", RED: RED}


@dataclass(frozen=True)
class Codec:
    """One payload type: its number, name as written, RTP clock, channels and `a=fmtp` parameters."""

    payload_type: int
    name: str
    clock_hz: int
    channels: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)
    #: the name at this program's seams, however it is written: opus, PCMU, PCMA, red or telephone-event
    kind: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", KINDS.get(self.name.lower(), EVENT))

    @property
    def key(self) -> tuple[str, int]:
        """What makes two payload types the same codec."""
        return self.name.lower(), self.clock_hz

    @property
    def rtpmap(self) -> str:
        """The value of `a=rtpmap`, without the number."""
        return f"{self.name}/{self.clock_hz}" + (f"/{self.channels}" if self.channels > 1 else "")

    @property
    def fmtp(self) -> str:
        """The value of `a=fmtp`, without the number; empty when there are no parameters."""
        return ";".join(f"{key}={value}" if value else key for key, value in self.parameters.items())


OPUS = Codec(111, "opus", 48_000, 2, {"minptime": "10", "useinbandfec": "1"})
PCMU = Codec(0, "PCMU", 8_000)
PCMA = Codec(8, "PCMA", 8_000)
SOUND_KEYS = (OPUS.key, PCMU.key, PCMA.key)
OUR_CODECS = (OPUS, PCMU, PCMA, Codec(110, EVENT, 48_000), Codec(126, EVENT, 8_000))
USUAL_RED = 63  # payload type


def red_of(codec: Codec, payload_type: int = USUAL_RED) -> Codec:
    """Describe packets that carry copies of those of `codec` (RFC 2198 section 5)."""
    return Codec(payload_type, RED, codec.clock_hz, codec.channels, {f"{codec.payload_type}/{codec.payload_type}": ""})


def is_red_of(red: Codec, codec: Codec) -> bool:
    """Tell whether packets of `red` carry packets of `codec` and nothing else."""
    named = [name.strip() for part in red.parameters for name in part.split("/")]
    same_clock = (red.clock_hz, red.channels) == (codec.clock_hz, codec.channels)
    return red.kind == RED and same_clock and set(named) == {str(codec.payload_type)}


def with_red(codecs: Sequence[Codec], taken: Iterable[int]) -> tuple[Codec, ...]:
    """Add copies of Opus to an offer, behind Opus itself, as Chromium does: who does not know them skips them."""
    at = next((place for place, codec in enumerate(codecs) if codec.key == OPUS.key), None)
    numbers = {*taken, *(codec.payload_type for codec in codecs)}
    number = next((each for each in (USUAL_RED, *DYNAMIC) if each not in numbers), None)
    if at is None or number is None or any(codec.kind == RED for codec in codecs):
        return tuple(codecs)
    return (*codecs[: at + 1], red_of(codecs[at], number), *codecs[at + 1 :])


def all_codecs(agreed: Sequence[Codec], taken: Iterable[int]) -> tuple[Codec, ...]:
    """List all that we speak, for a further offer; what was agreed on keeps its payload type (RFC 3264, 8.3.2)."""
    known = {codec.key for codec in agreed}
    numbers = {*taken, *(codec.payload_type for codec in agreed)}
    every = list(agreed)
    for codec in OUR_CODECS:
        if codec.key in known:
            continue
        number = next((each for each in (codec.payload_type, *DYNAMIC) if each not in numbers), None)
        if number is not None:
            numbers.add(number)
            every.append(replace(codec, payload_type=number))
    return tuple(every)


def answer_codecs(offered: Sequence[Codec]) -> tuple[Codec, ...]:
    """Choose the codecs we answer with: those offered that we speak, in the offer's order and payload types."""
    ours = {codec.key: codec for codec in OUR_CODECS}
    common: dict[tuple[str, int], Codec] = {}
    opus = next((codec for codec in offered if codec.key == OPUS.key), None)
    for codec in offered:
        if codec.key in ours:
            common.setdefault(codec.key, replace(ours[codec.key], payload_type=codec.payload_type))
        elif opus is not None and is_red_of(codec, opus):
            common.setdefault(codec.key, red_of(opus, codec.payload_type))
    return tuple(common.values())
