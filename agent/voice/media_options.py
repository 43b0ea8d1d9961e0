"""From the options of a Device, and of one call, to the settings of its media."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from agent.errors import InvalidArgumentError
from agent.media.settings import IceServer, MediaSettings
from agent.voice.options import DeviceOptions


def media_settings(options: DeviceOptions, rtc_configuration: Mapping[str, Any] | None = None) -> MediaSettings:
    """Translate options; the call's `rtc_configuration` beats the Device's, that `ice_servers` (spec: device 2.2).

    Raises InvalidArgumentError for ICE servers without addresses or unknown fields of `media`.
    """
    base = _base(options.media)
    configuration = rtc_configuration or options.rtc_configuration
    if configuration is None and options.ice_servers:
        configuration = {"iceServers": options.ice_servers}
    settings = replace(
        base,
        codec_preferences=tuple(name.lower() for name in options.codec_preferences),
        max_average_bitrate=options.bitrate_limit or base.max_average_bitrate,
        dscp=base.dscp if options.dscp else 0,
        network_watch=options.network_watch and base.network_watch,
        aggressive_nomination=options.force_aggressive_ice_nomination or base.aggressive_nomination,
    )
    if configuration is None:
        return settings
    return replace(
        settings,
        ice_servers=tuple(_ice_server(server) for server in configuration.get("iceServers") or ()),
        ice_transport_policy=str(configuration.get("iceTransportPolicy") or base.ice_transport_policy),
    )


def _base(media: MediaSettings | Mapping[str, Any] | None) -> MediaSettings:
    if isinstance(media, MediaSettings):
        return media
    known = {field.name for field in fields(MediaSettings)}
    unknown = sorted(set(media or {}) - known)
    if unknown:
        raise InvalidArgumentError(f"option media: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return replace(MediaSettings(), **(media or {}))


def _ice_server(server: Mapping[str, Any] | IceServer) -> IceServer:
    if isinstance(server, IceServer):
        return server
    urls = server.get("urls") or server.get("url")
    if isinstance(urls, str):
        urls = (urls,)
    if not isinstance(urls, Sequence) or not urls or not all(isinstance(url, str) for url in urls):
        raise InvalidArgumentError("rtc_configuration: each of iceServers needs `urls`, one address or a list of them")
    return IceServer(tuple(urls), str(server.get("username") or ""), str(server.get("credential") or ""))
