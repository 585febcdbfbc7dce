"""A certificate authority for tests and its certificates. All are made in memory; the authority's key is discarded."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, both in PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Certificates:
    """An authority and two certificates that it signed.

    ca: the authority's certificate, to be trusted; server: for the named hosts; client: for programs that must show a
    certificate.
    """

    ca: bytes
    server: Pair
    client: Pair

    def files(self) -> dict[str, bytes]:
        """Return file name → content."""
        return {
            "ca.pem": self.ca,
            "server.pem": self.server.certificate,
            "server.key": self.server.key,
            "client.pem": self.client.certificate,
            "client.key": self.client.key,
        }


def make_certificates(hosts: Sequence[str], now: datetime, lasts: timedelta) -> Certificates:
    """Make an authority and its certificates.

    hosts: names and addresses of the server besides localhost and the loopback addresses; lasts: how long the
    certificates are valid from `now`. The authority's key is not kept, so that it cannot sign further certificates.
    """
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Hallpulse, for tests only")])
    span = (now - _CLOCKS_DIFFER, now + lasts)
    ca = (
        _builder(name, name, key, span)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority = _Authority(ca, key, span)
    names = [_general_name(host) for host in dict.fromkeys((*LOOPBACK, *hosts))]
    server = authority.pair(hosts[0] if hosts else LOOPBACK[0], ExtendedKeyUsageOID.SERVER_AUTH, names)
    client = authority.pair("hallpulse", ExtendedKeyUsageOID.CLIENT_AUTH, [])
    return Certificates(ca.public_bytes(Encoding.PEM), server, client)


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: EllipticCurvePrivateKey
    span: tuple[datetime, datetime]

    def pair(self, common_name: str, purpose: x509.ObjectIdentifier, names: Sequence[x509.GeneralName]) -> Pair:
        key = generate_private_key(SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
        builder = (
            _builder(subject, self.certificate.subject, key, self.span)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Pair(signed.public_bytes(Encoding.PEM), secret)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, span: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
