"""Which certificates a client takes: the same on each Python, and for each protocol."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.net.tls import client_context, plain_client_context

Made = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
EACH = pytest.mark.parametrize("make", [client_context, plain_client_context])


def certificate(name: str, issuer: Made | None = None) -> Made:
    """As short guides make them, `openssl x509 -req` without extensions: it names no key of its issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    began = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder(
        subject_name=subject, issuer_name=issuer[0].subject if issuer else subject, public_key=key.public_key(),
        serial_number=x509.random_serial_number(), not_valid_before=began, not_valid_after=began + timedelta(days=1),
    )  # fmt: skip
    if issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
    else:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


def shakes_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> None:
    """Both ends in memory; raises what the client says of the server."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [ssl.SSLContext.wrap_bio(client, to_client, to_server, server_hostname=host),
            server.wrap_bio(to_server, to_client, server_side=True)]  # fmt: skip
    for _ in range(10):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not ends


@pytest.fixture
def authority() -> Made:
    return certificate("house")


@pytest.fixture
def server(authority: Made, tmp_path: Path) -> ssl.SSLContext:
    made, key = certificate("broker", authority)
    file = tmp_path / "server.pem"
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(*plain) + pem(made))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@EACH
def test_a_plain_certificate_of_the_houses_own_authority_is_good(
    make: Callable[[str], ssl.SSLContext], authority: Made, server: ssl.SSLContext, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(pem(authority[0]))
    client = make(str(ca_file))

    shakes_hands(client, server, "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        shakes_hands(client, server, "127.0.0.2")


@EACH
def test_one_of_another_authority_is_refused(
    make: Callable[[str], ssl.SSLContext], server: ssl.SSLContext, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(pem(certificate("another")[0]))

    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|self-signed"):
        shakes_hands(make(str(ca_file)), server, "127.0.0.1")


@EACH
def test_without_an_authority_of_its_own_the_systems_count(
    make: Callable[[str], ssl.SSLContext], server: ssl.SSLContext
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shakes_hands(make(""), server, "127.0.0.1")


@EACH
def test_the_tls_of_yesterday_is_not_spoken(make: Callable[[], ssl.SSLContext]) -> None:
    assert make().minimum_version == ssl.TLSVersion.TLSv1_2
