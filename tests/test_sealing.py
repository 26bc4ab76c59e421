"""Seals: what they keep, what opens them, and what a secret is turned into."""

from __future__ import annotations

from hashlib import blake2b
from threading import Thread

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from pagecache.sealing import LABEL, NONCE_BYTES, AesSealer

OLD, NEW = "an old secret of 32 or more letters", b"a new secret of 32 or more bytes\xff"
SEALER = AesSealer([NEW, OLD])
TAG_BYTES = 16


@given(st.binary(), st.binary())
def test_what_is_sealed_opens_where_it_belongs_and_nowhere_else(data: bytes, bound: bytes) -> None:
    sealed = SEALER.seal(data, bound)
    assert SEALER.open(sealed, bound) == data
    assert SEALER.open(sealed, bound + b"\0") is None


@given(st.binary(max_size=60))
def test_garbage_does_not_open(garbage: bytes) -> None:
    assert SEALER.open(garbage, b"") is None


def test_the_first_secret_seals_and_all_open() -> None:
    old, new = (AesSealer([secret]) for secret in (OLD, NEW))
    assert new.open(SEALER.seal(b"page", b""), b"") == b"page"
    assert old.open(SEALER.seal(b"page", b""), b"") is None
    assert SEALER.open(old.seal(b"page", b""), b"") == b"page"


def test_a_seal_is_aes_256_gcm_under_a_key_of_this_use_only() -> None:
    key = blake2b(NEW, digest_size=32, person=LABEL).digest()
    sealed = SEALER.seal(b"page", b"name")
    nonce, data = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    assert AESGCM(key).decrypt(nonce, data, b"name") == b"page"
    assert len(sealed) == NONCE_BYTES + len(b"page") + TAG_BYTES


@pytest.mark.parametrize("text", ["a secret of letters", "héhé", "\udcff"])
def test_a_secret_of_text_is_its_utf_8(text: str) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    assert AesSealer([raw]).open(AesSealer([text]).seal(b"page", b""), b"") == b"page"


def test_no_nonce_comes_twice() -> None:
    assert len({SEALER.seal(b"", b"")[:NONCE_BYTES] for _ in range(1000)}) == 1000


def test_threads_share_a_sealer() -> None:
    wrong: list[int] = []

    def seal_and_open(number: int) -> None:
        data = bytes([number]) * 50_000
        if any(SEALER.open(SEALER.seal(data, b"x"), b"x") != data for _ in range(200)):
            wrong.append(number)

    threads = [Thread(target=seal_and_open, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
