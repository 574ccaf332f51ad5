"""A private certificate authority, and certificates that a client must refuse."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A certificate authority that no system knows."""

    folder: Path
    name: str
    _authority: trustme.CA = field(default_factory=trustme.CA)

    @property
    def file(self) -> Path:
        """The certificate of the authority, in PEM."""
        file = self.folder / f"{self.name}.pem"
        if not file.exists():
            self._authority.cert_pem.write_to_path(str(file))
        return file

    def certificate(self, *hosts: str, expired: bool = False) -> Path:
        """Key and certificate of a server, in one PEM file."""
        until = datetime.now(timezone.utc) - DAY if expired else None
        issued = self._authority.issue_cert(*hosts, not_after=until)
        file = self.folder / f"{self.name}-{'-'.join(hosts).replace(':', '.')}{'-expired' * expired}.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(file))
        return file


def self_signed(folder: Path, host: str, *, as_authority: bool = False) -> Path:
    """Key and certificate of a server that vouches for itself, as `openssl req -x509` makes them if `as_authority`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vouches for itself")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    )
    if as_authority:
        certificate = certificate.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    file = folder / f"self-signed-{host}{'-authority' * as_authority}.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem + certificate.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return file


def server_context(certificate: Path, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """How a server with this certificate speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if version:
        context.minimum_version = context.maximum_version = version
    return context
