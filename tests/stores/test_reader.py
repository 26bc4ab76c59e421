"""Answers are read as hiredis reads them, in whatever pieces they come."""

from __future__ import annotations

from typing import Any

import hiredis
import pytest
from redis.exceptions import InvalidResponse, ResponseError

from pagecache.stores.reader import NOTHING, Reader

SAID = (
    b"+OK\r\n:12\r\n$-1\r\n$0\r\n\r\n$6\r\na\r\nb\r\n\r\n*0\r\n*-1\r\n-ERR no\r\n"
    b"*3\r\n$1\r\na\r\n*2\r\n:-1\r\n+b\r\n$-1\r\n+last\r\n"
)


def read(reader: Any, nothing: object, piece: int) -> list[Any]:
    answers = []
    for at in range(0, len(SAID), piece):
        reader.feed(SAID[at : at + piece])
        while (answer := reader.gets()) is not nothing:
            answers.append(str(answer) if isinstance(answer, ResponseError) else answer)
    return answers


@pytest.mark.parametrize("piece", range(1, len(SAID) + 1))
def test_answers_are_those_of_hiredis(piece: int) -> None:
    theirs = hiredis.Reader(replyError=ResponseError)
    assert read(Reader(ResponseError), NOTHING, piece) == read(theirs, False, 1000)


@pytest.mark.parametrize("noise", [b"?\r\n", b"\r\n", b"$3\r\nabcde", b"%1\r\n+a\r\n+b\r\n"])
def test_noise_is_no_answer(noise: bytes) -> None:
    reader = Reader(ResponseError)
    reader.feed(noise)
    with pytest.raises(InvalidResponse):
        reader.gets()


@pytest.mark.parametrize("noise", [b":a\r\n", b"$a\r\n", b"*a\r\n"])
def test_what_is_no_number_is_no_answer(noise: bytes) -> None:
    reader = Reader(ResponseError)
    reader.feed(noise)
    with pytest.raises(ValueError, match="invalid literal"):
        reader.gets()
