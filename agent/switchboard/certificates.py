"""The switchboard's certificates: a small authority of its own, and the server certificate it signs.

Clients trust the authority (`ca.pem`), which is made once and is valid whatever a clock says; the server certificate
may then be made anew, when it nears its end, when the clock was set or when the machine's names change, without
touching a client (RFC 5280).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ALWAYS = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
BEFORE_DAYS = 400  # for clients whose clock is behind, and for a machine whose own was ahead
SERVER_DAYS = 397  # with those before it less than the 825 that Apple's systems allow, whoever signed it
RENEW_DAYS = 30
BEGIN = b"-----BEGIN PRIVATE KEY-----"


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pem(self) -> bytes:
        """Key and certificate, as one file holds them."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return key + self.certificate_pem


def parse_identities(pem: bytes) -> list[Identity]:
    """Read what `Identity.pem` wrote, once or several times in a row; ValueError as `parse_identity`."""
    before, *parts = pem.split(BEGIN)
    if before.strip() or not parts:
        raise ValueError("it does not begin with a private key")
    return [parse_identity(BEGIN + part) for part in parts]


def parse_identity(pem: bytes) -> Identity:
    """Read what `Identity.pem` wrote; ValueError when it is torn or key and certificate do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("key and certificate do not belong together")
    return Identity(certificate, key)


def make_authority() -> Identity:
    """Make an authority for the site's clients to trust, without a beginning or an end (RFC 5280 section 4.1.2.5)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Kiosk switchboard authority")
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    builder = _builder(name, name, key, ALWAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return Identity(builder.sign(key, hashes.SHA256()), key)


def make_server(authority: Identity, names: Iterable[str], now: dt.datetime) -> Identity:
    """Make a server certificate for `names` (host names and addresses), signed by `authority`."""
    key = ec.generate_private_key(ec.SECP256R1())
    life = now - dt.timedelta(days=BEFORE_DAYS), now + dt.timedelta(days=SERVER_DAYS)
    builder = _builder(_name("Kiosk switchboard"), authority.certificate.subject, key, life)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False),
    ]
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Identity(builder.sign(authority.key, hashes.SHA256()), key)


def covers(server: Identity, authority: Identity, names: Iterable[str], now: dt.datetime) -> bool:
    """Tell whether `server` still serves: signed by `authority`, for all `names`, and not close to its end."""
    certificate = server.certificate
    try:
        certificate.verify_directly_issued_by(authority.certificate)
        covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return lasts(server, now) and all(_general_name(name) in covered for name in names)


def lasts(identity: Identity, now: dt.datetime, days: int = RENEW_DAYS) -> bool:
    """Tell whether it is valid now and for the next `days`."""
    certificate = identity.certificate
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - dt.timedelta(days=days)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    life: tuple[dt.datetime, dt.datetime],
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(life[0])
        .not_valid_after(life[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
