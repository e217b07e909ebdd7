"""The stream of a request's body: its pieces, and its exception when the body breaks off."""

import io
from typing import Any

import pytest

from studio.http.bodies import IncompleteBody, WholeBody


class Wire:
    """A connection as a server reads it: in pieces, then an end or an error."""

    def __init__(self, data: bytes, *, error: OSError | None = None) -> None:
        self._data, self._error = io.BytesIO(data), error

    def read(self, size: int) -> bytes:
        data = self._data.read(size)
        if self._error and len(data) < size:
            raise self._error
        return data

    def readline(self, size: int) -> bytes:
        return self._data.readline(size)


def test_connection_that_is_reset_is_a_body_that_broke_off() -> None:
    body = WholeBody(Wire(b"abc", error=ConnectionResetError(104, "reset")), length=9)

    with pytest.raises(IncompleteBody) as caught:
        body.read()

    assert (body.refusal, type(caught.value.__cause__)) == (caught.value, ConnectionResetError)


def test_body_is_read_piece_by_piece_and_line_by_line() -> None:
    body = WholeBody(Wire(b"one\ntwo\nthree and more"), length=13)

    assert [body.read(2), body.readline(), body.readline(2), body.readline(), body.readline(), body.read()] == [
        *(b"on", b"e\n", b"tw", b"o\n", b"three", b"")
    ]
    assert body.refusal is None


@pytest.mark.parametrize("read", [lambda body: body.read(4), lambda body: body.readline(), lambda body: body.read()])
def test_body_that_broke_off_is_refused_however_it_is_read(read: Any) -> None:
    body = WholeBody(Wire(b"abc"), length=9)

    for _ in range(2):  # code that catches the first exception gets the second
        with pytest.raises(IncompleteBody):
            read(body)


@pytest.mark.parametrize("step", [1, 2, 7, 100])
@pytest.mark.parametrize(("data", "is_whole"), [(b"x\r\n--b--\r\n", True), (b"--b--", True), (b"x\r\n--b-\r\n", False)])
def test_closing_boundary_is_seen_across_pieces(data: bytes, is_whole: bool, step: int) -> None:
    body = WholeBody(Wire(data), length=len(data), boundary="b")

    try:
        while body.read(step):
            pass
    except IncompleteBody:
        pass

    assert (body.refusal is None) is is_whole
