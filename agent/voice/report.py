"""Insights events about calls: the default payload of a Device around each, and where they go (spec: insights 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from agent.quality.envelope import CallFacts, DeviceFacts, default_payload
from agent.quality.report_generation import REPORT_GENERATIONS, home_host
from agent.voice.options import TWILIO_EVENTGW, DeviceOptions
from agent.voice.protocols import SignalingStream


class Publisher(Protocol):
    """As `agent.quality.insights.EventPublisher`; returns at once."""

    def post(self, level: str, group: str, name: str, payload: Mapping[str, Any]) -> Any: ...

    def post_metrics(self, group: str, name: str, entries: list[dict[str, Any]]) -> Any: ...

    def set_token(self, token: str) -> None: ...

    def set_host(self, name: str) -> None: ...

    def close(self, timeout_s: float = 0.0) -> None: ...


class ReportingDevice(Protocol):
    """What the default payload says of the Device."""

    @property
    def options(self) -> DeviceOptions: ...

    @property
    def stream(self) -> SignalingStream | None: ...

    @property
    def publisher(self) -> Publisher | None: ...


def report(
    device: ReportingDevice, level: str, group: str, name: str, payload: Mapping[str, Any] | None, connection: Any
) -> Any:
    """Publish one event about a call; the event's own members win over those of the default payload."""
    if device.publisher is None:
        return None
    whole = default_payload(_device_facts(device), _call_facts(connection)) | dict(payload or {})
    return device.publisher.post(level, group, name, whole)


def make_publisher(options: DeviceOptions, token: str) -> Publisher | None:
    """Make what reports go through; None where nothing is reported."""
    if not options.publishes_events:
        return None
    if options.publisher_factory is not None:
        made: Publisher = options.publisher_factory(token)
        return made
    from agent.quality.insights import EventPublisher  # an HTTP library that most boxes never need

    metadata = {"app_name": options.app_name, "app_version": options.app_version}
    own_ca = options.ca_file if options.eventgw != TWILIO_EVENTGW else None
    generation = REPORT_GENERATIONS[options.generation]
    return EventPublisher(token, host=reports_host(options), generation=generation, metadata=metadata, ca_file=own_ca)


def what_is_replaced(options: DeviceOptions) -> dict[str, bool]:
    """Tell which parts of a browser the program has replaced."""
    return {
        "RTCPeerConnection": options.media_factory is not None,
        "enumerateDevices": options.enumerate_devices is not None,
        "getUserMedia": options.get_user_media is not None,
    }


def reports_host(options: DeviceOptions) -> str | None:
    """Tell where reports go from the start; None: where the service will say, unless the program names a host."""
    follows = REPORT_GENERATIONS[options.generation].follows_home and options.eventgw == TWILIO_EVENTGW
    return None if follows else options.eventgw


def follow_home(publisher: Publisher | None, stream: SignalingStream, options: DeviceOptions) -> None:
    """Send reports where the service says on this stream, unless the program says where or how they are sent."""
    if publisher is not None and options.publisher_factory is None and reports_host(options) is None:
        stream.on("connected", lambda _payload: publisher.set_host(home_host(stream.home)))


def _device_facts(device: ReportingDevice) -> DeviceFacts:
    options, stream = device.options, device.stream
    return DeviceFacts(
        aggressive_nomination=options.force_aggressive_ice_nomination,
        dscp=options.dscp,
        ice_restart_enabled=options.enable_ice_restart,
        gateway=stream.gateway if stream is not None else None,
        region=stream.region if stream is not None else None,
        selected_region=options.region,
        sdk_version=options.wire.sdk_version,
    )


def _call_facts(connection: Any) -> CallFacts:
    return CallFacts(
        temp_call_sid=connection.outbound_connection_id,
        direction=connection.direction,
        call_sid=connection.parameters.get("CallSid"),
        audio_codec=connection.codec,
    )
