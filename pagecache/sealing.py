"""Sealing what is stored, by AES-256-GCM (NIST SP 800-38D), for sites that set `ENCRYPT`."""

import os
from collections.abc import Iterable
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12  # of chance: good for 2**32 seals under one key (SP 800-38D 8.3)
LABEL = b"pagecache seal 1"  # the same secret used elsewhere gives another key


class AesSealer:
    """Seals with the first of some secrets, and opens what any of them sealed."""

    def __init__(self, secrets: Iterable[str | bytes]) -> None:
        self._keys = tuple(AESGCM(_key(secret)) for secret in secrets)

    def seal(self, data: bytes, bound: bytes) -> bytes:
        """Return a nonce and the data sealed; `bound` is authenticated with it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._keys[0].encrypt(nonce, data, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes | None:
        """Return the data; None for what none of the secrets sealed with this `bound`."""
        nonce, data = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for key in self._keys:
            try:
                return key.decrypt(nonce, data, bound)
            except (InvalidTag, ValueError):  # ValueError: there is not even a nonce
                continue
        return None


def _key(secret: str | bytes) -> bytes:
    """Return the key of 32 bytes that a secret stands for; it is long and of chance, so it needs no stretching."""
    raw = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    return blake2b(raw, digest_size=32, person=LABEL).digest()
