from __future__ import annotations

from pathlib import Path

import pytest

from agent.kiosk.call_store import CallStore
from agent.voice.call_ids import OUTGOING
from agent.voice.call_ticket import CallTicket

TICKET = CallTicket("CA1", OUTGOING, "RT-secret", {"CallSid": "CA1"}, {"To": "bob"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.json"


def store(path: Path, service: str = "localhost:8443", identity: str = "box") -> CallStore:
    return CallStore(path, service, identity)


def test_the_next_process_finds_the_calls(path: Path) -> None:
    store(path).save([TICKET])

    assert store(path).load() == [TICKET]


def test_without_calls_nothing_is_left(path: Path) -> None:
    store(path).save([TICKET])
    store(path).save([])

    assert not path.exists()
    assert store(path).load() == []


@pytest.mark.parametrize("spoil", [
    lambda path: path.write_bytes(path.read_bytes()[:-7]),
    lambda path: path.write_bytes(b"\xff\xfe"),
    lambda path: path.write_bytes(b"[" * 100_000),
    lambda path: path.write_bytes(b"[]"),
    lambda path: path.write_bytes(b'{"calls": 1}'),
    lambda path: path.write_text(path.read_text().replace('"CA1"', "7")),
    lambda path: path.write_text(path.read_text().replace('"format": 1', '"format": 2')),
    lambda path: path.chmod(0o644),
], ids=["cut", "no text", "deep", "a list", "a number", "kind", "version", "world-readable"])  # fmt: skip
def test_a_file_that_cannot_be_used_is_told_once_and_removed(
    path: Path, spoil: object, caplog: pytest.LogCaptureFixture
) -> None:
    store(path).save([TICKET])
    spoil(path)  # type: ignore[operator]

    assert store(path).load() == []
    assert store(path).load() == []

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "RT-secret" not in caplog.text
    assert not path.exists()


@pytest.mark.parametrize(("service", "identity"), [("elsewhere:8443", "box"), ("localhost:8443", "another")])
def test_calls_of_somebody_else_are_not_taken_up(path: Path, service: str, identity: str) -> None:
    store(path).save([TICKET])

    assert store(path, service, identity).load() == []
