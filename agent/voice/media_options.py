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
        ice_servers=tuple(_ice_server(server) for server in _listed(configuration.get("iceServers"))),
        ice_transport_policy=str(configuration.get("iceTransportPolicy") or base.ice_transport_policy),
    )


def check_mapping(argument: str, value: Any, *, flag: bool = True) -> None:
    """Raise InvalidArgumentError for what is neither None, a mapping nor, where `flag` may be given, a bool."""
    if not (value is None or isinstance(value, Mapping) or (flag and isinstance(value, bool))):
        raise InvalidArgumentError(f"argument {argument}: {value!r} is not allowed; give a mapping")


def _base(media: MediaSettings | Mapping[str, Any] | None) -> MediaSettings:
    if isinstance(media, MediaSettings):
        return media
    known = {field.name for field in fields(MediaSettings)}
    unknown = sorted(set(media or {}) - known)
    if unknown:
        raise InvalidArgumentError(f"option media: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return replace(MediaSettings(), **(media or {}))


def _listed(servers: Any) -> Sequence[Any]:
    if servers is None or (isinstance(servers, Sequence) and not isinstance(servers, str)):
        return servers or ()
    raise InvalidArgumentError(f"rtc_configuration: iceServers is {servers!r}; give a list of mappings")


def _ice_server(server: Any) -> IceServer:
    if isinstance(server, IceServer):
        return server
    if not isinstance(server, Mapping):
        raise InvalidArgumentError(f"rtc_configuration: {server!r} is no server; give a mapping with `urls`")
    urls = server.get("urls") or server.get("url")
    if isinstance(urls, str):
        urls = (urls,)
    if not isinstance(urls, Sequence) or not urls or not all(isinstance(url, str) for url in urls):
        raise InvalidArgumentError("rtc_configuration: each of iceServers needs `urls`, one address or a list of them")
    return IceServer(tuple(urls), str(server.get("username") or ""), str(server.get("credential") or ""))
