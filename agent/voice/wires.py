"""How a Device of each protocol reaches its service: where, over which stream, and what lets it in. Side by side.

What a Device does by itself stands in `agent.voice.generation`; here is what opens the connection for it, and what the
far ends that are reached so must read in our descriptions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from agent.clock import Clock
from agent.errors import InvalidArgumentError
from agent.signaling.pstream.endpoints import signaling_uris
from agent.signaling.pstream.shell import Stream
from agent.signaling.settings import PSTREAM, SIP
from agent.signaling.sip.account import SipAccount
from agent.voice.options import DeviceOptions
from agent.voice.protocols import SignalingStream


@dataclass(frozen=True)
class ServiceWire:
    """One protocol."""

    addresses: Callable[[DeviceOptions], list[str]]  #: where options lead; raises InvalidArgumentError
    stream: Callable[[DeviceOptions, str, Clock], SignalingStream]  #: not yet open; of options, token and clock
    admit: Callable[[Any, DeviceOptions, str], None]  #: let a stream use what now lets us in
    adapt: Callable[[Any, DeviceOptions], None]  #: let it know of options that it does otherwise by from now on
    for_sip: bool  #: whether descriptions tell an address: without one, SIP peers take the call for held


def _pstream_addresses(options: DeviceOptions) -> list[str]:
    return signaling_uris(options.edge, options.region, options.chunderw, generation=options.wire)


def _pstream(options: DeviceOptions, token: str, clock: Clock) -> SignalingStream:
    factory: Callable[..., Any] = options.stream_factory or Stream
    stream: SignalingStream = factory(
        token,
        _pstream_addresses(options),
        generation=options.wire,
        max_call_signaling_timeout_ms=options.max_call_signaling_timeout_ms,
        backoff_max_ms=options.backoff_max_ms,
        connect_timeout_ms=options.connect_timeout_ms,
        ca_file=options.ca_file,
        clock=clock,
    )
    return stream


def _set_token(stream: SignalingStream, _options: DeviceOptions, token: str) -> None:
    stream.set_token(token)


def _account(options: DeviceOptions) -> SipAccount:
    if options.sip is None:
        raise InvalidArgumentError("option sip: it is missing")
    return options.sip


def _sip_addresses(options: DeviceOptions) -> list[str]:
    """The edges, and as whom we are known there: with another name it is another place."""
    account = _account(options)
    return [*account.edges, account.address_of_record, account.instance]


def _sip(options: DeviceOptions, _token: str, clock: Clock) -> SignalingStream:
    factory: Callable[..., Any] = options.stream_factory or _own_sip_stream
    stream: SignalingStream = factory(
        _account(options),
        backoff_max_ms=options.backoff_max_ms,
        connect_timeout_ms=options.connect_timeout_ms,
        ca_file=options.ca_file,
        clock=clock,
        early_media=options.enable_ringing_state,
    )
    return stream


def _own_sip_stream(*args: Any, **options: Any) -> SignalingStream:
    from agent.signaling.sip.stream import SipStream  # most boxes speak the other protocol

    return SipStream(*args, **options)


def _use_account(stream: Any, options: DeviceOptions, _token: str) -> None:
    stream.use_account(_account(options))


def _no_change(_stream: Any, _options: DeviceOptions) -> None:
    """Nothing that may change concerns the stream."""


def _use_early_media(stream: Any, options: DeviceOptions) -> None:
    stream.early_media = options.enable_ringing_state


WIRES: Final = {
    PSTREAM: ServiceWire(_pstream_addresses, _pstream, _set_token, _no_change, for_sip=False),
    SIP: ServiceWire(_sip_addresses, _sip, _use_account, _use_early_media, for_sip=True),
}
