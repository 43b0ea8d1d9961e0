"""Which addresses and default routes this machine has, read from Linux' routing socket (rtnetlink(7)).

What counts is the difference between two snapshots, so the many messages about one change, and those about nothing that
matters (renewed lifetimes, statistics), come out as one change or as none.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

log = logging.getLogger(__name__)

RTM_NEWLINK, RTM_GETLINK = 16, 18
RTM_NEWADDR, RTM_GETADDR = 20, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST_DUMP = 0x301
GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # link, IPv4 address, IPv4 route, IPv6 address, IPv6 route
IFF_UP, IFF_LOOPBACK, IFF_RUNNING = 0x1, 0x8, 0x40
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8
IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE = 0x08, 0x20, 0x40
RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_TABLE = 4, 5, 6, 15
RT_TABLE_MAIN = 254
RTN_UNICAST = 1
RTNH_F_DEAD, RTNH_F_LINKDOWN = 1, 16
SCOPE_LINK = 253

HEADER = struct.Struct("=IHHII")
LINK = struct.Struct("=BxHiII")
ADDRESS = struct.Struct("=BBBBi")
ROUTE = struct.Struct("=BBBBBBBBI")
ATTRIBUTE = struct.Struct("=HH")

KERNEL = 0  # the sender of what the kernel says; a privileged process may send us something, too


@dataclass(frozen=True)
class LocalAddress:
    """One usable address of an interface that is up and has a carrier."""

    ip: str
    interface: int
    loopback: bool = False


@dataclass(frozen=True)
class Route:
    """One default route."""

    family: int
    interface: int
    gateway: str
    metric: int


@dataclass(frozen=True)
class Snapshot:
    """The network as calls see it."""

    addresses: frozenset[LocalAddress]
    routes: frozenset[Route]

    def hosts(self) -> list[str]:
        """List addresses to offer, the likeliest first (default route, IPv4); loopback only without any other."""
        rank = {route.interface: route.metric for route in sorted(self.routes, key=lambda r: -r.metric)}
        usable = [a for a in self.addresses if not a.loopback] or list(self.addresses)
        usable.sort(key=lambda a: (a.interface not in rank, rank.get(a.interface, 0), ":" in a.ip, a.ip))
        return [address.ip for address in usable]


@dataclass(frozen=True)
class NetworkChange:
    """What differs between two snapshots; `added` and `removed` are addresses as text."""

    added: frozenset[str]
    removed: frozenset[str]
    routes_changed: bool

    @classmethod
    def between(cls, before: Snapshot, after: Snapshot) -> NetworkChange | None:
        """Return the difference; None when there is none that a call could feel."""
        old = {a.ip for a in before.addresses if not a.loopback}
        new = {a.ip for a in after.addresses if not a.loopback}
        change = cls(frozenset(new - old), frozenset(old - new), before.routes != after.routes)
        return change if change.added or change.removed or change.routes_changed else None


def snapshot() -> Snapshot:
    """Read the kernel's tables; empty when it does not answer."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
            netlink.settimeout(1)
            links = dict(_links(_dump(netlink, RTM_GETLINK)))
            addresses = frozenset(_addresses(_dump(netlink, RTM_GETADDR), links))
            routes = frozenset(_routes(_dump(netlink, RTM_GETROUTE), links))
    except OSError as error:
        log.warning("the network's state cannot be read: %s", error)
        return Snapshot(frozenset(), frozenset())
    return Snapshot(addresses, routes)


def _dump(netlink: socket.socket, kind: int) -> Iterator[tuple[int, bytes]]:
    netlink.send(HEADER.pack(HEADER.size + 4, kind, NLM_F_REQUEST_DUMP, 1, 0) + bytes(4))
    while True:
        data, (sender, _) = netlink.recvfrom(65_536)
        for message_kind, body in _messages(data) if sender == KERNEL else ():
            if message_kind in (NLMSG_DONE, NLMSG_ERROR):
                return
            yield message_kind, body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + HEADER.size <= len(data):
        length, kind, *_ = HEADER.unpack_from(data, position)
        if length < HEADER.size:
            return
        yield kind, data[position + HEADER.size : position + length]
        position += (length + 3) & ~3


def _attributes(data: bytes, position: int) -> dict[int, bytes]:
    found = {}
    while position + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, position)
        if length < ATTRIBUTE.size:
            break
        found[kind] = data[position + ATTRIBUTE.size : position + length]
        position += (length + 3) & ~3
    return found


def _links(messages: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    """Interface number to flags."""
    for kind, body in messages:
        if kind == RTM_NEWLINK:
            _, _, index, flags, _ = LINK.unpack_from(body)
            yield index, flags


def _addresses(messages: Iterator[tuple[int, bytes]], links: dict[int, int]) -> Iterator[LocalAddress]:
    for kind, body in messages:
        if kind != RTM_NEWADDR:
            continue
        _, _, flags, scope, index = ADDRESS.unpack_from(body)
        attributes = _attributes(body, ADDRESS.size)
        flags |= int.from_bytes(attributes.get(IFA_FLAGS, b""), "little")
        link = links.get(index, 0)
        raw = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS)
        usable = link & IFF_UP and link & IFF_RUNNING and not flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)
        if not raw or not usable or scope == SCOPE_LINK or flags & IFA_F_DEPRECATED:
            continue
        loopback = bool(link & IFF_LOOPBACK)
        if loopback and len(raw) != 4:
            continue
        yield LocalAddress(str(ipaddress.ip_address(raw)), index, loopback)


def _routes(messages: Iterator[tuple[int, bytes]], links: dict[int, int]) -> Iterator[Route]:
    for kind, body in messages:
        if kind != RTM_NEWROUTE:
            continue
        family, prefix, _, _, table, _, _, route_type, flags = ROUTE.unpack_from(body)
        attributes = _attributes(body, ROUTE.size)
        table = int.from_bytes(attributes.get(RTA_TABLE, bytes([table])), "little")
        if prefix or table != RT_TABLE_MAIN or route_type != RTN_UNICAST or flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN):
            continue
        index = int.from_bytes(attributes.get(RTA_OIF, b""), "little")
        gateway = attributes.get(RTA_GATEWAY)
        if links.get(index, 0) & IFF_RUNNING:
            metric = int.from_bytes(attributes.get(RTA_PRIORITY, b""), "little")
            yield Route(family, index, str(ipaddress.ip_address(gateway)) if gateway else "", metric)
