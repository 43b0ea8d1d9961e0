"""Everything that `Device.setup` can be told (spec: device 2), and what is allowed for each.

The names are the SDK's in snake_case; the SDK's own spelling is understood too.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from agent.errors import InvalidArgumentError
from agent.media.sdp.munge import MAX_BITRATE, MIN_BITRATE
from agent.signaling.pstream.endpoints import signaling_uris
from agent.signaling.pstream.generation import GENERATIONS, SECOND, WireGeneration
from agent.signaling.settings import PSTREAM, SIP
from agent.signaling.sip.account import SipAccount

TWILIO_EVENTGW: Final = "eventgw.twilio.com"

#: what a generation always has
IMPLIED: Final[Mapping[str, Mapping[str, Any]]] = {
    "1": {},
    "2": {"enable_ice_restart": True, "enable_ringing_state": True},
    SIP: {"enable_ice_restart": True},
}
#: what has no meaning with SIP, and what has instead
NOT_WITH_SIP: Final[Mapping[str, str]] = {
    "call_store": "a call cannot be taken up by another process; leave it out",
    "chunderw": "give the edges in `sip`",
    "edge": "give the edges in `sip`",
    "region": "give the edges in `sip`",
}


@dataclass(frozen=True)
class DeviceOptions:
    """The options of one Device; None means "not set" where the SDK knows that state."""

    # The SDK's public options
    allow_incoming_while_busy: bool = False
    app_name: str | None = None
    app_version: str | None = None
    audio_constraints: bool | Mapping[str, Any] = True
    close_protection: bool | str = False
    codec_preferences: Sequence[str] = ("pcmu", "opus")
    debug: bool = False
    disable_audio_context_sounds: bool = False
    dscp: bool = True
    edge: str | Sequence[str] | None = None
    enable_ice_restart: bool = False
    enable_ringing_state: bool = False
    enumerate_devices: Callable[[], Any] | None = None
    fake_local_dtmf: bool = False
    force_aggressive_ice_nomination: bool = False
    get_user_media: Callable[..., Any] | None = None
    max_average_bitrate: float | None = None
    max_call_signaling_timeout_ms: float = 0
    region: str | None = None
    rtc_configuration: Mapping[str, Any] | None = None
    sounds: Mapping[str, Any] | None = None
    token_refresh_ms: float = 10_000
    warnings: bool = True
    # ... and its internal ones
    backoff_max_ms: float | None = None
    chunderw: str | Sequence[str] | None = None
    eventgw: str = TWILIO_EVENTGW
    file_input_stream: Any = None
    ice_servers: Sequence[Mapping[str, Any]] = ()
    no_register: bool = False
    preflight: bool = False
    publish_events: bool | None = None
    rtc_constraints: Mapping[str, Any] | None = None
    connection_factory: Callable[..., Any] | None = None
    media_factory: Callable[..., Any] | None = None
    stream_factory: Callable[..., Any] | None = None
    publisher_factory: Callable[..., Any] | None = None
    sound_factory: Callable[..., Any] | None = None
    audio_helper_factory: Callable[..., Any] | None = None
    # Those of this package alone
    bridge: Any = None
    ca_file: str | None = None
    call_store: Any = None
    clock: Any = None
    connect_timeout_ms: float = 5_000
    generation: str = SECOND.number
    media: Any = None
    network_watch: bool = True
    protocol: str = PSTREAM
    reconnect_limit_s: float = 30.0
    refusals_as_errors: bool = False
    sip: SipAccount | None = None
    sound: Any = None
    wait_for_service: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> DeviceOptions:
        """Make the defaults, changed as `given`; raises InvalidArgumentError."""
        return cls().merged(given)

    def merged(self, given: Mapping[str, Any]) -> DeviceOptions:
        """Replace some options, by their default where None is given. Raises InvalidArgumentError."""
        changes: dict[str, Any] = {}
        for spelled, value in given.items():
            name = option_name(spelled)
            changes[name] = _DEFAULTS[name] if value is None else _checked(name, value)
        merged = replace(self, **changes)
        if merged.protocol == SIP != self.protocol and "enable_ringing_state" not in changes:
            merged = replace(merged, enable_ringing_state=True)  # a PBX tells it, and sends sound before the answer
        merged = replace(merged, **IMPLIED[merged.behaviour])
        merged._check_together()
        return merged

    @property
    def behaviour(self) -> str:
        """The entry of `agent.voice.generation.GENERATIONS` that the Device behaves by."""
        return SIP if self.protocol == SIP else self.generation

    @property
    def wire(self) -> WireGeneration:
        """The generation of signaling."""
        return GENERATIONS[self.generation]

    def _check_together(self) -> None:
        if self.protocol == PSTREAM:
            signaling_uris(self.edge, self.region, self.chunderw, generation=self.wire)
            return
        if self.sip is None:
            raise InvalidArgumentError('option sip: it is missing; with protocol="sip" give edges, user and domain')
        for name, instead in NOT_WITH_SIP.items():
            if getattr(self, name):
                raise InvalidArgumentError(f"option {name}: it has no meaning with SIP: {instead}")

    @property
    def log_level(self) -> int:
        """debug beats warnings; neither means silence (spec: device 2.1)."""
        if self.debug:
            return logging.DEBUG
        return logging.WARNING if self.warnings else logging.CRITICAL + 1

    @property
    def publishes_events(self) -> bool:
        """Whether calls are reported to Insights: by default to the Twilio service, or to an own endpoint.

        With SIP there is nobody who takes reports, but for a publisher of the program's own.
        """
        if self.protocol == SIP:
            return bool(self.publish_events) and self.publisher_factory is not None
        if self.publish_events is not None:
            return self.publish_events
        return not self.chunderw or self.eventgw != TWILIO_EVENTGW

    @property
    def bitrate_limit(self) -> int:
        """The far end's Opus limit in bit/s, 0 when there is none: a limit out of range is ignored."""
        wanted = self.max_average_bitrate
        return int(wanted) if wanted is not None and MIN_BITRATE <= wanted <= MAX_BITRATE else 0


_DEFAULTS: Final = vars(DeviceOptions())


def option_name(spelled: str) -> str:
    """Turn `enableIceRestart` or `enable_ice_restart` into the latter; raises InvalidArgumentError if unknown."""
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", str(spelled).replace("DTMF", "Dtmf").replace("RTCPeer", "Rtcpeer")).lower()
    name = _ALIASES.get(snake, snake)
    if name in _DEFAULTS:
        return name
    near = difflib.get_close_matches(name, _DEFAULTS, n=1)
    raise InvalidArgumentError(f"there is no option {spelled!r}" + (f"; did you mean {near[0]}?" if near else ""))


_ALIASES: Final = {
    "rtcpeer_connection": "media_factory",
    "media_stream": "media_factory",
    "media_stream_factory": "media_factory",
    "p_stream_factory": "stream_factory",
    "publisher": "publisher_factory",
    "audio_helper": "audio_helper_factory",
}


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(v, str) for v in value)


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(v, Mapping) for v in value)


_Rule = tuple[Callable[[Any], bool], str]

_FLAG: Final[_Rule] = (_is_flag, "True or False")
_TEXT: Final[_Rule] = (_is_text, "a string")
_FUNCTION: Final[_Rule] = (callable, "a function")
_MAPPING: Final[_Rule] = (_is_mapping, "a mapping")
_POSITIVE: Final[_Rule] = (_is_positive, "a number above 0")

_RULES: Final[Mapping[str, _Rule]] = {
    **dict.fromkeys(
        ("allow_incoming_while_busy", "debug", "disable_audio_context_sounds", "dscp", "enable_ice_restart",
         "enable_ringing_state", "fake_local_dtmf", "force_aggressive_ice_nomination", "network_watch", "no_register",
         "preflight", "publish_events", "refusals_as_errors", "wait_for_service", "warnings"), _FLAG),
    **dict.fromkeys(("app_name", "app_version", "ca_file", "eventgw", "region"), _TEXT),
    **dict.fromkeys(
        ("audio_helper_factory", "connection_factory", "enumerate_devices", "get_user_media", "media_factory",
         "publisher_factory", "sound_factory", "stream_factory"), _FUNCTION),
    **dict.fromkeys(("rtc_configuration", "rtc_constraints", "sounds"), _MAPPING),
    **dict.fromkeys(("connect_timeout_ms", "reconnect_limit_s"), _POSITIVE),
    "audio_constraints": (lambda v: _is_flag(v) or _is_mapping(v), "True or a mapping of capture constraints"),
    "backoff_max_ms": (_is_number, "a number of milliseconds"),
    "chunderw": (lambda v: _is_text(v) or _is_list_of_texts(v), "a host, or host:port, or a list of them"),
    "close_protection": (lambda v: _is_flag(v) or _is_text(v), "True, False or a text"),
    "codec_preferences": (_is_list_of_texts, 'a list of codec names: "opus", "pcmu", "pcma"'),
    "edge": (lambda v: _is_text(v) or (_is_list_of_texts(v) and len(v) > 0), "the name of an edge, or a list of them"),
    "protocol": (lambda v: v in (PSTREAM, SIP), 'the string "pstream", or "sip"'),
    "sip": (lambda v: isinstance(v, SipAccount), "a mapping with edges, user, domain and secret, or a SipAccount"),
    "generation": (lambda v: v in tuple(GENERATIONS), 'the string "2", or "1" for the wire of SDK 1.x'),
    "ice_servers": (_is_list_of_mappings, "a list of mappings with `urls`, `username` and `credential`"),
    "max_average_bitrate": (_is_number, f"a number from {MIN_BITRATE} to {MAX_BITRATE}"),
    **dict.fromkeys(("max_call_signaling_timeout_ms", "token_refresh_ms"), (_is_number, "a number of milliseconds")),
}  # fmt: skip


def _checked(name: str, value: Any) -> Any:
    check, allowed = _RULES.get(name, (lambda _value: True, ""))
    if not check(value):
        raise InvalidArgumentError(f"option {name}: {value!r} is not allowed; give {allowed}")
    return value
