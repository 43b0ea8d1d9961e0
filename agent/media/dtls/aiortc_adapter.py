"""Every private name of aiortc that this program uses, behind public names of our own.

aiortc is pinned to a minor version; `PRIVATE_NAMES` is what a test looks up, so that an upgrade which moves one of
them fails there and not in a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import pylibsrtp

import agent.media.ice.library  # noqa: F401, before aiortc imports aioice
from agent.errors import HandshakeError, IdentityError
from agent.media.dtls.records import datagrams, number_plain
from agent.media.light_import import without_codecs, without_extensions
from agent.media.native.core import SrtpCalls

with without_extensions():
    from OpenSSL import SSL
with without_codecs():
    from aiortc.rtcdtlstransport import (
        X509_DIGEST_ALGORITHMS,
        RTCCertificate,
        RTCDtlsTransport,
        certificate_digest,
    )

PRIVATE_NAMES = {
    RTCCertificate: ("_create_ssl_context",),
    RTCDtlsTransport: (
        "_rx_srtp",
        "_set_role",
        "_setup_srtp",
        "_srtp_profiles",
        "_ssl",
        "_tx_srtp",
    ),
    pylibsrtp: ("_binding",),
    pylibsrtp.Session: ("_srtp",),
}
SRTP_CALL = "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, int *)"  # the form that the native core calls

MAX_RECORD_BYTES = 2_048  # that is read at once; what it holds is thrown away
MOST_DTLS_BYTES = 1_200  # of a datagram of ours, which fits everywhere
MOST_FLIGHT_BYTES = 65_536

# A server's suite follows its certificate, which is RSA for many a PBX; ours is ECDSA (RFC 8827 section 6.5).
_CIPHERS = ("AES128-GCM-SHA256", "CHACHA20-POLY1305", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA")
CIPHER_LIST = ":".join(f"ECDHE-{key}-{cipher}" for cipher in _CIPHERS for key in ("ECDSA", "RSA")).encode()

Certificate = RTCCertificate
SrtpError = pylibsrtp.Error


class DatagramPath(Protocol):
    """Where datagrams for the far end go."""

    def send(self, data: bytes) -> bool:
        """Send one datagram; False when there is no way."""


class Dtls(RTCDtlsTransport):
    """One attempt at a DTLS association, moved on by each datagram; `path` has `send(datagram)`.

    It is aiortc's transport without its task and its queue: nothing waits, and an error keeps its reason.
    """

    def __init__(self, path: DatagramPath, certificate: Certificate) -> None:
        super().__init__(path, [certificate])  # type: ignore[arg-type]
        self._path = path
        context = certificate._create_ssl_context(self._srtp_profiles)
        context.set_cipher_list(CIPHER_LIST)
        self._ssl = self._connection = SSL.Connection(context)
        self.ended = False  # the far end closed the association
        self.flights = 0  # that were sent, not counting repetitions of ours
        self._flight = b""
        self._number = 0  # of our next plain record

    def begin(self, client: bool) -> None:
        """Start; the client speaks first. Raises HandshakeError."""
        self._set_role("client" if client else "server")
        if client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()
        self._move_on()

    def receive(self, records: bytes) -> None:
        """Take in the records of one datagram. Raises HandshakeError: the attempt is over then."""
        self._connection.bio_write(records)
        self._move_on()

    @property
    def timeout_s(self) -> float | None:
        """When OpenSSL would retransmit; None when nothing is waited for."""
        return self._connection.DTLSv1_get_timeout()

    def retransmit(self) -> None:
        """Send again what was not answered. Raises HandshakeError when that was tried too often.

        OpenSSL begins only after a second, so before that we repeat the flight: its plain records as new ones, and
        those that are encrypted, which cannot be changed, as they were.
        """
        if self._connection.DTLSv1_get_timeout() != 0.0:
            self._send(self._flight)
            return
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise HandshakeError(_reason(error)) from None
        self._send_all()

    def verify(self, fingerprints: Sequence[tuple[str, str]]) -> None:
        """Compare the far end's certificate with its description, then derive the keys. Raises IdentityError."""
        if not self.is_of(fingerprints):
            raise IdentityError("the far end's certificate is not the one that its description names")
        self._setup_srtp()
        if self.state == "failed":
            raise IdentityError("the far end knows no encryption of sound that we know")

    def is_of(self, fingerprints: Sequence[tuple[str, str]]) -> bool:
        """Tell whether the far end's certificate is among those named, by every hash in use that we know."""
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        named = {algorithm for algorithm, _ in fingerprints if algorithm in X509_DIGEST_ALGORITHMS}
        if certificate is None or not named:
            return False
        return all(
            (algorithm, certificate_digest(certificate, algorithm)) in fingerprints for algorithm in named
        )

    def end(self) -> None:
        """Tell the far end that this is over, if that is possible."""
        with suppress(SSL.Error):
            self._connection.shutdown()
        self._send_all()

    @property
    def inbound(self) -> pylibsrtp.Session:
        """Decrypts what arrives; exists only once the certificate was verified."""
        return self._rx_srtp

    @property
    def outbound(self) -> pylibsrtp.Session:
        """Encrypts what leaves."""
        return self._tx_srtp

    def _move_on(self) -> None:
        try:
            if not self.encrypted:
                self._connection.do_handshake()
                self.encrypted = True
            while True:
                self._connection.recv(MAX_RECORD_BYTES)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.ended = True
        except SSL.Error as error:
            if not self.encrypted:  # and its alert is not sent: the far end may not be the one who broke the rules
                raise HandshakeError(_reason(error)) from None
        self._send_all()

    def _send_all(self) -> None:
        with suppress(SSL.Error):
            self._flight = self._connection.bio_read(MOST_FLIGHT_BYTES)
            self.flights += 1
            self._send(self._flight)

    def _send(self, flight: bytes) -> None:
        numbered, self._number = number_plain(flight, self._number)
        for datagram in datagrams(numbered, MOST_DTLS_BYTES):
            self._path.send(datagram)


def srtp_calls(inbound: pylibsrtp.Session, outbound: pylibsrtp.Session) -> SrtpCalls | None:
    """Return where libsrtp's functions and both contexts are, and keep these alive; None in another form of libsrtp."""
    ffi, lib = pylibsrtp._binding.ffi, pylibsrtp._binding.lib
    functions = [ffi.addressof(lib, name) for name in ("srtp_protect", "srtp_unprotect")]
    if any(ffi.typeof(function).cname != SRTP_CALL for function in functions):
        return None
    contexts = [session._srtp[0] for session in (inbound, outbound)]
    protect, unprotect, inward, outward = (int(ffi.cast("uintptr_t", at)) for at in (*functions, *contexts))
    return SrtpCalls(protect, unprotect, inward, outward, (inbound, outbound))


def _reason(error: SSL.Error) -> str:
    """OpenSSL's own words for what went wrong."""
    found = error.args[0] if error.args and isinstance(error.args[0], list) and error.args[0] else None
    return str(found[-1][-1]) if found else "its messages do not fit together"


def local_fingerprint(certificate: Certificate) -> tuple[str, str]:
    """Return algorithm and value for `a=fingerprint`."""
    print_ = next(f for f in certificate.getFingerprints() if f.algorithm == "sha-256")
    return print_.algorithm, print_.value


def new_certificate() -> Certificate:
    """Make a self-signed certificate for one call."""
    return RTCCertificate.generateCertificate()
