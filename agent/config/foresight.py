"""What `run` would trip over on this machine, told before anything starts: files, certificates, tokens, chips.

All of it is looked at as the user that runs this, which `check` and `doctor` make the service's own.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.config.contradictions import pins, source_of_tokens
from agent.config.house_foresight import house_problems
from agent.config.location import UNSEEN
from agent.config.sections import Config
from agent.config.surroundings import socket_folder_problems
from agent.errors import InvalidArgumentError
from agent.media.ice.server_urls import parse_url
from agent.service.control_path import SERVICE_FOLDER
from agent.signaling.sip.secret import SecretError, read_secret
from agent.signaling.token.fetch import TokenError, fetcher
from hw.errors import PinError
from hw.panel.chips import explain_missing, find_chip, is_raspberry_pi, list_chips

FILES = ("file", "pem", "wav")
MOST_SOCKET_BYTES = 100  # sockaddr_un takes 107, and a name is made from it for a moment (unix(7))

_Problems = Iterator[tuple[str, str]]


def foresee(config: Config, *, as_service: bool = False) -> _Problems:
    """Find what this machine refuses: key and what is wrong. `as_service`: the unit hides some folders."""
    for section, key, metadata, value in _values(config):
        yield from _file(f"{section}.{key}", metadata.get("kind", ""), value, as_service)
    yield from source_of_tokens(config)
    yield from _secret(config) if config.signaling.is_sip else _token(config)
    yield from _servers(config)
    yield from _board(config)
    yield from house_problems(config)
    if config.service.control_socket:
        yield from _control_socket(Path(config.service.control_socket), as_service)


def _values(config: Config) -> Iterator[tuple[str, str, Mapping[str, Any], Any]]:
    for section in dataclasses.fields(config):
        settings = getattr(config, section.name)
        named = settings.items() if isinstance(settings, Mapping) else [("", settings)]
        for name, one in named:
            for field in dataclasses.fields(one):
                where = f"{section.name}.{name}" if name else section.name
                yield where, field.name, field.metadata, getattr(one, field.name)


def _file(key: str, kind: str, path: str, as_service: bool) -> _Problems:
    if kind not in (*FILES, "new_file") or not path:
        return
    if as_service and _is_unseen(path):
        yield key, f"the service does not see {path}; expected a file outside of {', '.join(UNSEEN)}"
    elif kind == "new_file":
        target = Path(path) if Path(path).exists() else Path(path).parent
        if not os.access(target, os.W_OK):
            yield key, f"this user may not write {target}"
    elif not os.access(path, os.R_OK):
        yield key, f"this user may not read {path}; change its owner or mode"
    elif kind == "pem":
        yield from _authority(key, path)


def _authority(key: str, path: str) -> _Problems:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (ssl.SSLError, OSError):
        yield key, f"{path} holds no certificate that can be used; expected a PEM file"


def _control_socket(path: Path, as_service: bool) -> _Problems:
    if len(os.fsencode(path)) > MOST_SOCKET_BYTES:
        yield "service.control_socket", f"expected a shorter path, at most {MOST_SOCKET_BYTES} bytes"
    elif as_service and _is_unseen(path):
        yield "service.control_socket", f"nobody sees what the service makes there; expected {SERVICE_FOLDER}/..."
    else:
        yield from socket_folder_problems(path.parent)


def _is_unseen(path: str | Path) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in UNSEEN)


def _token(config: Config) -> _Problems:
    token, identity = config.token, config.box.identity
    if token.source == "command":
        if shutil.which(token.command[0]) is None:
            yield "token.command", "there is no such program, or this user may not run it; expected its whole path"
    elif token.source not in ("", "url") and (not token.key_file or os.access(token.key_file, os.R_OK)):
        try:
            fetcher(token, identity)()
        except (TokenError, InvalidArgumentError) as error:
            yield f"token.{token.source}", str(error)


def _secret(config: Config) -> _Problems:
    sip = config.sip
    if sip.secret_command and shutil.which(sip.secret_command[0]) is None:
        yield "sip.secret_command", "there is no such program, or this user may not run it; expected its whole path"
    elif sip.secret_file and os.access(sip.secret_file, os.R_OK):
        try:
            read_secret(sip, config.box.identity)
        except SecretError as error:
            yield "sip.secret_file", str(error)


def _servers(config: Config) -> _Problems:
    for server in config.media.ice_servers:
        for url in server.urls:
            try:
                parsed = parse_url(url)
            except InvalidArgumentError:
                yield "media.ice_servers.urls", "expected addresses like turn:turn.example.org:3478, without a password"
                continue
            if getattr(parsed, "tls", False) and getattr(parsed, "transport", "") == "udp":
                yield "media.ice_servers.urls", "TURN over DTLS is not supported; expected ?transport=tcp"


def _board(config: Config) -> _Problems:
    box = config.box
    if box.pins == "mock":
        return
    try:
        chips = list_chips()
    except PinError as error:
        yield "box.pins", str(error)
        return
    chip = find_chip(chips, box.chip)
    if chip is None:
        if box.pins != "auto" or box.chip or is_raspberry_pi():
            yield ("box.chip" if box.chip else "box.pins"), explain_missing(chips, box.chip)
        return
    for key, number in pins(config):
        if number >= chip.lines:
            yield key, f"{chip.label} has only GPIO 0 to {chip.lines - 1}"
