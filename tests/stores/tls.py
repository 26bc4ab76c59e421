"""A certificate for a Redis over TLS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.servers import HOST


def certificate(folder: Path, name: str) -> tuple[str, ...]:
    """Make a certificate of this machine that vouches for itself; give the options of a Redis that has it."""
    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(called, called, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
    made = made.add_extension(address, critical=False)
    signed = made.sign(key, SHA256()).public_bytes(Encoding.PEM)
    (folder / f"{name}.crt").write_bytes(signed)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / f"{name}.key").write_bytes(secret)
    files = ("cert", ".crt"), ("key", ".key"), ("ca-cert", ".crt")
    named = [(f"--tls-{what}-file", str(folder / f"{name}{ending}")) for what, ending in files]
    return ("--tls-auth-clients", "no", *(word for pair in named for word in pair))
