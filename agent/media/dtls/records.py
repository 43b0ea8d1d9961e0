"""Which DTLS records may reach the handshake: pure. Invalid ones are dropped (RFC 6347 section 4.1.2.7).

Until the handshake is over its records are not authenticated, and OpenSSL takes each for the far end's word: an alert
ends it, so does a message that belongs elsewhere, and a high record number makes it deaf to all that follow. So only
what our side can be waiting for passes, if its lengths add up, and those records are numbered anew. Encrypted records
pass as they are: OpenSSL drops those that were not made with the keys. DTLS 1.2 only, which is what our OpenSSL speaks.
"""

from __future__ import annotations

from dataclasses import dataclass

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
VERSIONS = (b"\xfe\xff", b"\xfe\xfd")  # 1.0, which first records carry, and 1.2
RECORD_BYTES, MESSAGE_BYTES = 13, 12  # the headers
MOST_RECORD_BYTES = 2**14 + 2048
MOST_MESSAGE_BYTES = 2**14
MOST_RECORDS = 256  # of one datagram or flight

CLIENT_HELLO, SERVER_HELLO, HELLO_VERIFY, TICKET = 1, 2, 3, 4
CERTIFICATE, SERVER_KEY, CERTIFICATE_REQUEST, HELLO_DONE, CERTIFICATE_VERIFY, CLIENT_KEY = 11, 12, 13, 14, 15, 16
RANDOM = slice(2, 34)  # of a hello

# Which number each plain message has. Both ends of a call show a certificate; a server may verify the hello first.
FROM_CLIENT = {CLIENT_HELLO: (0,), CERTIFICATE: (1,), CLIENT_KEY: (2,), CERTIFICATE_VERIFY: (3,)}
FROM_SERVER = {
    HELLO_VERIFY: (0,), SERVER_HELLO: (0, 1), CERTIFICATE: (1, 2), SERVER_KEY: (2, 3), CERTIFICATE_REQUEST: (3, 4),
    HELLO_DONE: (4, 5), TICKET: (5, 6),
}  # fmt: skip

# The fields of each message (RFC 5246 section 7.4, RFC 8422 section 5): a size in bytes, or minus that of the length
# before a vector. Hellos have extensions behind them.
LAYOUTS = {
    CLIENT_HELLO: (34, -1, -1, -2, -1), SERVER_HELLO: (34, -1, 3), HELLO_VERIFY: (2, -1), CERTIFICATE: (-3,),
    SERVER_KEY: (3, -1, 2, -2), CERTIFICATE_REQUEST: (-1, -2, -2), HELLO_DONE: (), CLIENT_KEY: (-1,),
    CERTIFICATE_VERIFY: (2, -2), TICKET: (4, -2),
}  # fmt: skip
EXTENSIBLE = (CLIENT_HELLO, SERVER_HELLO)
EXTENSION = (2, -2)
USE_SRTP = b"\x00\x0e"


class _RefusedError(Exception):
    """A record that is dropped; says as what, in words of ours that a count can stand before."""


@dataclass(frozen=True)
class Sifted:
    """What one datagram came to."""

    kept: bytes  # the records that pass
    refused: tuple[str, ...]  # as what each of the others was dropped
    hello: bytes | None  # the random of a ClientHello among those that pass
    further: bool  # whether a message that only follows the hellos is among them
    repeated: bool = False  # whether a plain message came that was needed before the association was established


@dataclass(frozen=True)
class _Message:
    """A handshake message, or a fragment of it."""

    kind: int
    body: bytes
    offset: int


class Sieve:
    """Sifts what arrives in one attempt at a handshake."""

    def __init__(self, client: bool) -> None:
        """Sift for the client's side, or for the server's."""
        self._expected = FROM_SERVER if client else FROM_CLIENT
        self._last = HELLO_DONE if client else CERTIFICATE_VERIFY  # of the plain messages that must come
        self._complete = False
        self._number = 0

    def sift(self, datagram: bytes, established: bool) -> Sifted:
        """Take in one datagram; once the association is `established` only encrypted records pass."""
        kept, refused, messages = [], [], list[_Message]()
        for record in _records(datagram):
            try:
                kept.append(self._sift(record, established, messages))
            except _RefusedError as why:
                refused.append(str(why))
        starts = [m.body for m in messages if m.kind == CLIENT_HELLO and not m.offset and len(m.body) >= RANDOM.stop]
        further = any(message.kind not in (*EXTENSIBLE, HELLO_VERIFY) for message in messages)
        repeated = b"" in kept
        return Sifted(b"".join(kept), tuple(refused), starts[0][RANDOM] if starts else None, further, repeated)

    def _sift(self, record: bytes, established: bool, messages: list[_Message]) -> bytes:
        kind, epoch, body = record[0], int.from_bytes(record[3:5], "big"), record[RECORD_BYTES:]
        known = CHANGE_CIPHER_SPEC <= kind <= APPLICATION_DATA and record[1:3] in VERSIONS
        if not known or not body or len(body) != int.from_bytes(record[11:RECORD_BYTES], "big"):
            raise _RefusedError("malformed DTLS records")
        if epoch > 1 or len(body) > MOST_RECORD_BYTES:
            raise _RefusedError("impossible DTLS records")
        if epoch == 1:
            return record
        if established and kind in (HANDSHAKE, CHANGE_CIPHER_SPEC):
            return b""  # what the far end repeats, because it missed our last flight
        messages += self._look_at(kind, body)
        self._number += 1
        return record[:5] + self._number.to_bytes(6, "big") + record[11:]

    def _look_at(self, kind: int, body: bytes) -> list[_Message]:
        """The messages in the plain record; _RefusedError when one of them, or it, must not pass."""
        if kind == ALERT:
            raise _RefusedError("plain DTLS alerts")
        if kind == APPLICATION_DATA:
            raise _RefusedError("DTLS data in the clear")
        if kind == CHANGE_CIPHER_SPEC:
            if body != b"\x01" or not self._complete:
                raise _RefusedError("ChangeCipherSpecs out of turn")
            return []
        messages = []
        while body:
            end = MESSAGE_BYTES + int.from_bytes(body[9:MESSAGE_BYTES], "big")
            messages.append(self._message(body[:end]))
            body = body[end:]
        self._complete |= any(message.kind == self._last for message in messages)
        return messages

    def _message(self, data: bytes) -> _Message:
        """Read one message or fragment (RFC 6347 section 4.2.2)."""
        total, number, offset, length = (
            int.from_bytes(data[start:end], "big") for start, end in ((1, 4), (4, 6), (6, 9), (9, MESSAGE_BYTES))
        )
        kind, body = data[0], data[MESSAGE_BYTES:]
        if number not in self._expected.get(kind, ()):
            raise _RefusedError("DTLS messages out of turn")
        fits = len(data) >= MESSAGE_BYTES and len(body) == length and offset + length <= total <= MOST_MESSAGE_BYTES
        if not fits or (not body and total) or (length == total and not _is_sound(kind, body)):
            raise _RefusedError("damaged DTLS messages")
        return _Message(kind, body, offset)


def hello_of(datagram: bytes) -> bytes | None:
    """Return the random of a ClientHello that begins a handshake; None for anything else."""
    return Sieve(client=False).sift(datagram, established=False).hello


def datagrams(flight: bytes, most_bytes: int) -> list[bytes]:
    """Divide what OpenSSL wants to say into datagrams of whole records."""
    found: list[bytes] = []
    for record in _records(flight):
        if found and len(found[-1]) + len(record) <= most_bytes:
            found[-1] += record
        else:
            found.append(record)
    return found


def number_plain(flight: bytes, number: int) -> tuple[bytes, int]:
    """Number the plain records of a flight from `number` on; returns it and the next number.

    So a repetition is not taken for a replay; the numbers of encrypted records are part of their encryption.
    """
    numbered = []
    for record in _records(flight):
        if record[3:5] == b"\x00\x00":
            record = record[:5] + number.to_bytes(6, "big") + record[11:]
            number += 1
        numbered.append(record)
    return b"".join(numbered), number


def _records(datagram: bytes) -> list[bytes]:
    records: list[bytes] = []
    while datagram and len(records) < MOST_RECORDS:
        end = RECORD_BYTES + int.from_bytes(datagram[11:RECORD_BYTES], "big")
        records.append(datagram[:end])
        datagram = datagram[end:]
    return records


def _is_sound(kind: int, body: bytes) -> bool:
    """Whether the lengths within a whole message add up, and a hello is one for a call."""
    rest = _after(body, LAYOUTS[kind])
    if kind not in EXTENSIBLE:
        return rest == b""
    return rest is not None and _after(rest, (-2,)) == b"" and _offers_srtp(rest[2:])


def _offers_srtp(extensions: bytes) -> bool:
    """Whether these are whole, and the one is among them without which there is no call (RFC 5764 section 4.1)."""
    found, left = False, extensions
    while left:
        found |= left.startswith(USE_SRTP)
        after = _after(left, EXTENSION)
        if after is None:
            return False
        left = after
    return found


def _after(body: bytes, layout: tuple[int, ...]) -> bytes | None:
    """What follows these fields; None when one of them is cut short."""
    for field in layout:
        size = field if field > 0 else -field + int.from_bytes(body[:-field], "big")
        if len(body) < max(size, -field):
            return None
        body = body[size:]
    return body
