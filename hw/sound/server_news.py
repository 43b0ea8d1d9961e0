"""Hears from a sound server that a card came or went, without asking again and again.

PulseAudio, and PipeWire in its place, speak the native protocol: packets with a header of five 32-bit numbers (length,
channel, and three that are 0 here), then values, each after a letter for its type. Three of its commands are enough:
say who is there (AUTH, SET_CLIENT_NAME), and ask for events (SUBSCRIBE). From PulseAudio's pulsecore/native-common.h
and tagstruct.h, protocol version 8, in which a client's name is plain text.
"""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

from hw.closing import Closing
from hw.sound.presence import pulse_sockets

VERSION = 8
REPLY, AUTH, SET_CLIENT_NAME, SUBSCRIBE, EVENT = 2, 8, 9, 35, 66
SUBSCRIBED = 2  # the tag of the last command
SINKS_AND_SOURCES = 0x1 | 0x2
WHAT_HAPPENED, CHANGED = 0x30, 0x10  # of an event; a change is none of a card's coming and going
HEADER = struct.Struct(">5I")
START = struct.Struct(">cIcI")  # of each packet: its command and a tag, which the answer repeats
CONTROL = 0xFFFFFFFF  # the channel of commands
COOKIE_BYTES = 256
MOST_BYTES = 64 * 1024  # of what the server says at once
MOST_PACKET_BYTES = 16 * 1024
ANSWER_S = 2.0
MOST_ANSWERS = 20  # pieces of them, until the subscription stands


class ServerNews(Closing):
    """One subscription; `fileno` becomes readable when there may be news."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where no server answers at once, or one that does not take this user."""
        self._waiting = bytearray()
        self.has_ended = False  #: the server has gone, or speaks another language
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connection.settimeout(ANSWER_S)
            self._connection.connect(str(path))
            self._connection.sendmsg([greeting()], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, _credentials())])
            self._await_answer()
            self._connection.setblocking(False)
        except OSError:
            self._connection.close()
            raise

    def _await_answer(self) -> None:
        for _ in range(MOST_ANSWERS):
            self._take()
            while not self.has_ended and (packet := self._packet()) is not None:
                if answer(packet) == (REPLY, SUBSCRIBED):
                    return
            if self.has_ended:
                break
        raise ConnectionRefusedError("the sound server takes no subscription")

    def fileno(self) -> int:
        """Return what may be polled."""
        return self._connection.fileno()

    def close(self) -> None:
        """Hear nothing more; idempotent."""
        self._connection.close()

    def read(self) -> bool:
        """Take what the server said; whether a card came or went, or the server did."""
        try:
            self._take()
        except BlockingIOError:
            return False
        except OSError:
            self.has_ended = True
        news = self.has_ended
        while not self.has_ended and (packet := self._packet()) is not None:
            news |= is_news(packet)
        return news

    def _take(self) -> None:
        data = self._connection.recv(MOST_BYTES)
        self._waiting += data
        self.has_ended |= not data

    def _packet(self) -> bytes | None:
        if len(self._waiting) < HEADER.size:
            return None
        length = HEADER.unpack_from(self._waiting)[0]
        if length > MOST_PACKET_BYTES:
            self.has_ended = True
            return None
        if len(self._waiting) < HEADER.size + length:
            return None
        packet = bytes(self._waiting[HEADER.size : HEADER.size + length])
        del self._waiting[: HEADER.size + length]
        return packet


def subscribe() -> ServerNews | None:
    """Subscribe to this user's server; None where there is none, OSError where there is one that takes nobody."""
    for path in reversed(pulse_sockets()):  # one that is named is meant
        if path.exists():
            return ServerNews(path)
    return None


def greeting() -> bytes:
    """Write the three commands that make a subscriber; nothing of the answers is needed to write the next."""
    who = _number(VERSION) + b"x" + struct.pack(">I", COOKIE_BYTES) + _cookie()
    name, wanted = b"tkiosk-agent\0", _number(SINKS_AND_SOURCES)
    return _command(AUTH, 0, who) + _command(SET_CLIENT_NAME, 1, name) + _command(SUBSCRIBE, SUBSCRIBED, wanted)


def answer(packet: bytes) -> tuple[int, int] | None:
    """Return the command and the tag of a packet; None for nonsense."""
    if len(packet) < START.size:
        return None
    of_command, command, of_tag, tag = START.unpack_from(packet)
    return (command, tag) if of_command + of_tag == b"LL" else None


def is_news(packet: bytes) -> bool:
    """Tell whether a packet says that a sink or a source came or went."""
    start, event = answer(packet), packet[START.size : START.size + 5]
    is_event = start is not None and start[0] == EVENT and len(event) == 5 and event[:1] == b"L"
    return is_event and int.from_bytes(event[1:], "big") & WHAT_HAPPENED != CHANGED


def _command(command: int, tag: int, rest: bytes) -> bytes:
    body = _number(command) + _number(tag) + rest
    return HEADER.pack(len(body), CONTROL, 0, 0, 0) + body


def _number(value: int) -> bytes:
    return b"L" + struct.pack(">I", value)


def _credentials() -> bytes:
    return struct.pack("3i", os.getpid(), os.getuid(), os.getgid())


def _cookie() -> bytes:
    """What a server may ask for that does not know this user; zeros where there is none."""
    home = Path(os.environ.get("HOME") or "/")
    for path in (os.environ.get("PULSE_COOKIE"), home / ".config" / "pulse" / "cookie", home / ".pulse-cookie"):
        try:
            if path and len(cookie := Path(path).read_bytes()[:COOKIE_BYTES]) == COOKIE_BYTES:
                return cookie
        except OSError:
            continue
    return bytes(COOKIE_BYTES)
