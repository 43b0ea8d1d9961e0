"""Checks of the way to the voice service: address, name, certificate, clock, relays."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLCertVerificationError, SSLError, cert_time_to_seconds
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent import socket
from gevent.ssl import SSLContext

from agent.doctor.checklist import Check, failed, ok, warning
from agent.errors import ConfigError
from agent.media.bridge import Bridge
from agent.media.ice.server_probe import probe
from agent.media.ice.server_urls import StunServer, TurnServer, usable_servers
from agent.media.settings import MediaSettings
from agent.net.dial import connect, dial, route_source
from agent.net.resolve import LOOKUP_LIMIT_S, resolve
from agent.net.tls import client_context, explain
from agent.signaling.pstream.endpoints import signaling_uris
from agent.signaling.settings import SignalingSettings

SKEW_WARNING_S, SKEW_FAILED_S = 5.0, 120.0
EXPIRES_SOON_DAYS = 14
OUT_OF_TIME = (9, 10)  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and _HAS_EXPIRED
PROBE_S = 6.0
ANSWER_S = 6.0

# Addresses of the public Internet that are only looked up in the routing table: nothing is sent there.
ANYWHERE = ((socket.AF_INET, ("192.0.2.1", 9)), (socket.AF_INET6, ("2001:db8::1", 9)))


@dataclass(frozen=True)
class Place:
    """Where a service is, and how it is called: by its kind, and by the setting that names it, if one does."""

    host: str
    port: int
    kind: str = "voice service"
    setting: str = ""


def server_of(settings: SignalingSettings) -> Place:
    """Return the place of the voice service that is tried first."""
    uri = urlsplit(signaling_uris(edge=settings.edges, chunderw=settings.server or None)[0])
    host, port = uri.hostname or "", uri.port or 443
    return Place(host, port, "switchboard", "signaling.server") if settings.server else Place(host, port)


def check_network(settings: SignalingSettings, at: Place | None = None) -> Check:
    """Check whether there is a way out of this machine, and from which addresses."""
    place = at or server_of(settings)
    sources = [source for family, peer in ANYWHERE if (source := route_source(family, peer))]
    if sources:
        return ok("network", f"goes out from {' and '.join(sources)}")
    if place.setting:
        where = settings.server or place.host
        return warning("network", "no way to the Internet", f"fine if {where} is in this network")
    return failed("network", "no way out of this machine", "check the cable or Wi-Fi, and `ip route`")


def check_dns(settings: SignalingSettings, at: Place | None = None) -> Check:
    """Check whether the name of the voice service can be looked up."""
    place = at or server_of(settings)
    host, port = place.host, place.port
    began = time.monotonic()
    try:
        found = resolve(host, port)
    except OSError as error:
        first = f"{place.setting}, then " if place.setting else ""
        return failed("dns", f"{host} cannot be found: {error.strerror or error}", f"check {first}`resolvectl status`")
    addresses = dict.fromkeys(str(address[0]) for _family, address in found)
    return ok("dns", f"{host} is {', '.join(addresses)} ({1000 * (time.monotonic() - began):.0f} ms)")


def check_server(settings: SignalingSettings, at: Place | None = None) -> Check:
    """Check whether anything listens where the voice service should."""
    place = at or server_of(settings)
    host, port = place.host, place.port
    began = time.monotonic()
    try:
        with _limit(), dial(host, port):
            return ok("server", f"{host}:{port} answers ({1000 * (time.monotonic() - began):.0f} ms)")
    except OSError as error:
        return failed("server", explain(error, host), _unreachable(error, place))


def _unreachable(error: OSError, place: Place) -> str:
    """Say what to do: who refuses is there, and no firewall keeps quiet so politely."""
    where = f"{place.host}:{place.port}"
    if isinstance(error, ConnectionRefusedError) or error.errno == errno.ECONNREFUSED:
        if place.setting:
            return f"nothing listens at {where}: start the {place.kind} there, or correct {place.setting}"
        return "the service refuses, or something on the way does in its place: try again later"
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return "no way leads there: check cable, Wi-Fi and `ip route`" + _or_the_name(place)
    return f"is that machine on, and does a firewall let TCP to {where} through?{_or_the_name(place)}"


def _or_the_name(place: Place) -> str:
    return f"; or correct {place.setting}" if place.setting else ""


def check_tls(settings: SignalingSettings, at: Place | None = None) -> Check:
    """Check whether the voice service can be reached and proves who it is, and for how much longer it can."""
    place = at or server_of(settings)
    host, port = place.host, place.port
    try:
        began = time.monotonic()
        context = client_context(settings.ca_file or None)
        addresses = resolve(host, port)
        with _limit(), connect(addresses) as plain, context.wrap_socket(plain, server_hostname=host) as secure:
            took_ms = 1000 * (time.monotonic() - began)
            days = (cert_time_to_seconds(secure.getpeercert()["notAfter"]) - time.time()) / 86_400
            facts = f"{host}:{port}, {secure.version()}, {took_ms:.0f} ms, certificate good for {days:.0f} days"
    except ConfigError as error:
        return failed("tls", str(error), "set signaling.ca_file to the PEM file of the server's authority")
    except OSError as error:
        return failed("tls", explain(error, host), _untrusted(error, place))
    if days < EXPIRES_SOON_DAYS:
        return warning("tls", facts, "renew the server's certificate")
    return ok("tls", facts)


def _untrusted(error: OSError, place: Place) -> str:
    if isinstance(error, SSLCertVerificationError) and error.verify_code in OUT_OF_TIME:
        return f"if `timedatectl` says that this machine's clock is right, renew the certificate of the {place.kind}"
    if isinstance(error, SSLCertVerificationError):
        return "check signaling.ca_file" + (f" and the name in {place.setting}" if place.setting else "")
    if isinstance(error, SSLError):
        return f"something else than a {place.kind} listens at {place.host}:{place.port}{_or_the_name(place)}"
    return _unreachable(error, place)


def check_clock(settings: SignalingSettings, at: Place | None = None) -> Check:
    """Check whether this machine's clock agrees with the voice service's: certificates and tokens depend on it."""
    place = at or server_of(settings)
    host = place.host
    try:
        date = _date_of(host, place.port)
    except OSError as error:
        return warning("clock", f"cannot be compared: {explain(error, host)}", "mend the connection first")
    if date is None:
        return warning("clock", f"cannot be compared: {host} does not tell the time", "check `timedatectl`")
    return judge_clock(time.time() - date, place.kind)


def judge_clock(skew_s: float, kind: str = "voice service") -> Check:
    """Judge a difference of `skew_s` (positive: this machine is ahead)."""
    ahead = "ahead of" if skew_s > 0 else "behind"
    facts = f"{abs(skew_s):.0f} s {ahead} the {kind}"
    remedy = "switch on time synchronisation: sudo timedatectl set-ntp true"
    if abs(skew_s) >= SKEW_FAILED_S:
        return failed("clock", facts, remedy)
    return warning("clock", facts, remedy) if abs(skew_s) >= SKEW_WARNING_S else ok("clock", "agrees with the service")


def check_relays(media: MediaSettings, bridge: Callable[[], Bridge]) -> Check:
    """Check whether each STUN and TURN server answers, the latter to our credentials."""
    stun, turn = usable_servers(media.ice_servers)
    servers: list[StunServer | TurnServer] = [*stun, *turn]
    answers, broken = [], []
    for server in servers:
        try:
            address = bridge().run(probe(server, media.turn_ca_file), timeout_s=LOOKUP_LIMIT_S + PROBE_S)
            answers.append(f"{_name(server)} gives {address}")
        except OSError as error:
            broken.append(f"{_name(server)}: {error}")
    if broken:
        return failed("turn", "; ".join(broken), "check media.ice_servers: address, user name, credential, firewall")
    return ok("turn", "; ".join(answers) or "no STUN or TURN server is configured")


def _date_of(host: str, port: int) -> float | None:
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    # A clock that is far off makes every certificate look wrong; nothing secret is said here.
    context.check_hostname, context.verify_mode = False, CERT_NONE
    addresses = resolve(host, port)
    with _limit(), connect(addresses) as plain, context.wrap_socket(plain, server_hostname=host) as secure:
        secure.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        head = _head(secure)
    for line in head.split(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "date":
            return parsedate_to_datetime(value.strip()).timestamp()
    return None


def _limit() -> gevent.Timeout:
    return gevent.Timeout(ANSWER_S, TimeoutError(f"no answer within {ANSWER_S:g} s"))


def _head(connection: Any, most_bytes: int = 16_384) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < most_bytes and (more := connection.recv(4096)):
        data += more
    return data


def _name(server: StunServer | TurnServer) -> str:
    kind = "stun" if isinstance(server, StunServer) else "turns" if server.tls else "turn"
    return f"{kind}:{server.host}:{server.port}"
