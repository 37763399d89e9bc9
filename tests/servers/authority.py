"""A certificate authority of our own, and a certificate of it for a server."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from shutil import which
from subprocess import run

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Authority:
    """Files in PEM form: the authority's certificate, and certificate and key of its server."""

    certificate: Path
    server_certificate: Path
    server_key: Path

    def folder(self) -> Path:
        """Return a folder with the authority's certificate under the name by which OpenSSL looks for it. May skip the test."""
        if which("openssl") is None:
            pytest.skip("openssl, which knows that name, is not installed")
        words = ["openssl", "x509", "-noout", "-hash", "-in", str(self.certificate)]
        name = run(words, capture_output=True, check=True, text=True).stdout.strip()
        folder = self.certificate.with_name("authorities")
        folder.mkdir()
        (folder / f"{name}.0").write_bytes(self.certificate.read_bytes())
        return folder


def make_authority(directory: Path, server: str = "127.0.0.1", *, ends: timedelta = _YEAR) -> Authority:
    """Make an authority that nobody trusts yet, and its certificate for a server, which ends after that time from now.

    The authority's own key is forgotten.
    """
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = _name(f"The authority {directory.name} of tests")
    authority = (
        _certificate(name, name, authority_key.public_key(), authority_key.public_key())
        .not_valid_after(datetime.now(UTC) + _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _certificate(_name(server), name, server_key.public_key(), authority_key.public_key())
        .not_valid_after(datetime.now(UTC) + ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([_alternative(server)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    made = Authority(directory / "authority.pem", directory / "server.pem", directory / "server.key")
    made.certificate.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.server_certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.server_key.write_bytes(
        server_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(server: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(server))
    except ValueError:
        return x509.DNSName(server)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, issuer_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - _YEAR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
