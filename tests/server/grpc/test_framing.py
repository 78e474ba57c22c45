"""Are messages found however their bytes come, and what is none refused?"""

import math
import zlib
from urllib.parse import unquote

import pytest

from ruvector.errors import BadInput, BodyTooLarge, MalformedRequest, UnsupportedEncoding
from ruvector.server.grpc.framing import (
    Inbox,
    Message,
    compressed,
    framed,
    percent_encoded,
    seconds_of,
)

MESSAGES = [b"", b"a", b"bc" * 7, b"", b"d" * 20]
TEXT = b"".join(map(framed, MESSAGES))


@pytest.mark.parametrize("step", range(1, len(TEXT) + 1))
def test_messages_are_the_same_however_they_are_cut(step):
    inbox, found = Inbox(20), []
    for start in range(0, len(TEXT), step):
        found += inbox.feed(TEXT[start : start + step])
    assert [b"".join(each.parts) for each in found] == MESSAGES
    assert inbox.is_between


@pytest.mark.parametrize("end", range(1, len(TEXT)))
def test_what_is_cut_off_is_told_from_what_is_whole(end):
    inbox = Inbox(20)
    complete = sum(each.size + 5 for each in inbox.feed(TEXT[:end]))
    assert inbox.is_between == (complete == end)


def test_message_that_is_too_long_is_refused_by_its_prefix():
    assert Inbox(20).feed(b"\0\0\0\0\x14") == []
    with pytest.raises(BodyTooLarge, match="21 bytes is larger than 20"):
        Inbox(20).feed(b"\0\0\0\0\x15")


def test_unknown_flag_is_refused():
    with pytest.raises(MalformedRequest, match="begins with 2"):
        Inbox(20).feed(b"\2\0\0\0\1a")


def deflated(text):
    return zlib.compress(text)


def gzipped(text):
    return compressed(text)[5:]


@pytest.mark.parametrize(("name", "pack"), [(b"gzip", gzipped), (b"deflate", deflated)])
def test_compressed_message_is_read_within_its_limit(name, pack):
    text = b"some words " * 50
    parts = [pack(text)[:7], pack(text)[7:]]
    assert Message(parts, True).content(name, len(text)) == text
    with pytest.raises(BodyTooLarge):
        Message(parts, True).content(name, len(text) - 1)
    with pytest.raises(BadInput, match=r"damaged|cut off"):
        Message([pack(text)[:-9]], True).content(name, len(text))
    assert Message([text], False).content(name, 1) == text


@pytest.mark.parametrize("name", [b"identity", b"snappy", b"\xff" * 200])
def test_unknown_compression_is_refused(name):
    with pytest.raises(UnsupportedEncoding) as refused:
        Message([b"a"], True).content(name, 10)
    assert refused.value.grpc_code == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, math.inf), (b"2H", 7200), (b"3M", 180), (b"4S", 4), (b"5m", 5e-3), (b"6u", 6e-6)],
)
def test_times_are_read(text, seconds):
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", [b"", b"S", b"5", b"-5S", b"5s", b"1.5S", b"123456789S", b"\xb2S"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(MalformedRequest, match="grpc-timeout"):
        seconds_of(text)


@pytest.mark.parametrize("text", ["plain ~ words", "100 %", "grüße\n", "\x00\x7f", "日本"])
def test_texts_survive_their_coding(text):
    coded = percent_encoded(text)
    assert unquote(coded.decode("ascii")) == text
    assert all(0x20 <= byte <= 0x7E for byte in coded)
