"""A checkpoint is a text to the byte: what is one is read back the same, what is none is refused."""

from pathlib import Path

import pytest

from billctl.audit.checkpoint import BadCheckpoint, Checkpoint, origin_of, parse
from billctl.store.interface import GENESIS
from tests.anchored import Log

ORIGIN = "billctl.audit/" + "0123456789abcdef" * 2
HASH = bytes(range(32)).hex()
TEXT = f"{ORIGIN}\n1043\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n"
SIGNED = TEXT + "— example.com/witness Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO\n"


def test_a_checkpoint_is_origin_size_hash_and_a_blank_line() -> None:
    assert Checkpoint(origin=ORIGIN, size=1043, hash=HASH).text() == TEXT


@pytest.mark.parametrize("text", [TEXT, SIGNED, SIGNED + SIGNED.splitlines()[-1] + "\n"])
def test_what_is_read_is_written_the_same(text: str) -> None:
    assert parse(text).text() == text
    assert parse(text.encode()).text() == text


def test_a_log_without_records_has_size_zero() -> None:
    assert parse(Checkpoint(origin=ORIGIN, size=0, hash=GENESIS).text()).size == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "\n",
        " " + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("1043", "01043"),
        TEXT.replace("1043", "+1043"),
        TEXT.replace("1043", "١٠٤٣"),
        TEXT.replace("1043", "-1"),
        TEXT.replace("1043", "1" * 19),
        TEXT.replace("billctl.audit/", "example.com/"),
        TEXT.replace("0123", "0123/../"),
        TEXT.replace("h8=", "h9="),
        TEXT.replace("AAEC", "AA+_"),
        TEXT.replace("AAEC", ""),
        TEXT.replace("\n\n", "\nan extension\n\n"),
        TEXT + "no signature\n",
        TEXT + "— name with blanks AAAAAAAAAAAA\n",
        SIGNED * 1000,
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        parse(text)


def test_bytes_that_are_no_text_are_none() -> None:
    with pytest.raises(BadCheckpoint, match="not UTF-8"):
        parse(TEXT.encode()[:-1] + b"\xff\n")


def test_any_single_character_changed_is_another_checkpoint_or_none() -> None:
    for position in range(len(TEXT)):
        for character in "0aA\n":
            changed = TEXT[:position] + character + TEXT[position + 1 :]
            if changed == TEXT:
                continue
            try:
                found = parse(changed)
            except BadCheckpoint:
                continue
            assert found != parse(TEXT)


def test_the_origin_is_the_logs_own_and_random(tmp_path: Path) -> None:
    origins = set()
    for name in ("a", "b"):
        log = Log(tmp_path / name)
        with log.open() as (store, _):
            assert origin_of(store) is None
        log.write("first")
        with log.open() as (store, _):
            origins.add(origin_of(store))
    assert len(origins) == 2
