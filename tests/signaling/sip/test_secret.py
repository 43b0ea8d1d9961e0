"""The password of a box: where it comes from, when it is looked at again, and what is said when there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.queue import Queue

from agent.signaling.sip.secret import SecretError, read_secret
from agent.signaling.sip.secret_source import SecretSource
from agent.signaling.sip.settings import SipSettings

PATIENCE_S = 30.0


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("first\n")
    return path


class Watched:
    """A source at work, and what it has told."""

    def __init__(self, settings: SipSettings) -> None:
        self.source = SecretSource(settings, "kiosk")
        self.told: Queue[tuple[str, str]] = Queue()
        self.source.on("secret", lambda: self.told.put(("secret", self.source.current())))
        self.source.on("error", lambda error: self.told.put(("error", str(error))))
        self._greenlet = gevent.spawn(self.source.run)

    def next(self) -> tuple[str, str]:
        return self.told.get(timeout=PATIENCE_S)

    def close(self) -> None:
        self._greenlet.kill()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr("agent.signaling.sip.secret_source.BEAT_S", 0.02)
    watched: list[Watched] = []

    def begin(**settings: Any) -> Watched:
        watched.append(Watched(SipSettings(**settings)))
        return watched[-1]

    yield begin
    for each in watched:
        each.close()


def test_each_place_gives_the_password(password: Path) -> None:
    assert read_secret(SipSettings(secret="word"), "kiosk") == "word"
    assert read_secret(SipSettings(secret_file=str(password)), "kiosk") == "first"
    command = ("sh", "-c", 'printf "%s-word\n" "$0"', "{identity}")
    assert read_secret(SipSettings(secret_command=command), "kiosk") == "kiosk-word"
    assert read_secret(SipSettings(), "kiosk") == ""


def test_blanks_of_a_password_are_its_own(password: Path) -> None:
    password.write_text(" two words \r\n")

    assert read_secret(SipSettings(secret_file=str(password)), "kiosk") == " two words "


@pytest.mark.parametrize("content", ["", "\n", "  \n", "one\ntwo\n", "a\tb", "x" * 2000])
def test_a_file_that_holds_no_password_is_told_without_being_quoted(password: Path, content: str) -> None:
    password.write_text(content)
    with pytest.raises(SecretError) as caught:
        read_secret(SipSettings(secret_file=str(password)), "kiosk")

    assert str(password) in str(caught.value) and "one" not in str(caught.value).replace(str(password), "")


def test_a_file_that_is_no_text_is_told(password: Path) -> None:
    password.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SecretError, match="it is not text"):
        read_secret(SipSettings(secret_file=str(password)), "kiosk")


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.signaling.sip.secret.COMMAND_TIMEOUT_S", 0.2)

    with pytest.raises(SecretError, match=r"The password command sleep took more than 0\.2 s"):
        read_secret(SipSettings(secret_command=("sleep", "60")), "kiosk")


def test_a_file_that_changes_is_read_again(watch: Any, password: Path) -> None:
    watched = watch(secret_file=str(password))
    assert watched.next() == ("secret", "first")

    password.write_text("second\n")

    assert watched.next() == ("secret", "second")


def test_a_file_that_comes_late_is_found(watch: Any, password: Path) -> None:
    password.unlink()
    watched = watch(secret_file=str(password))
    assert watched.next()[0] == "error"

    password.write_text("late\n")

    assert watched.next() == ("secret", "late")


def test_a_command_whose_password_is_refused_runs_again_but_not_at_once(
    watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.signaling.sip.secret_source.AGAIN_S", 0.3)
    runs = tmp_path / "runs"
    watched = watch(secret_command=("sh", "-c", f"echo run >> {runs}; wc -l < {runs}"))
    assert watched.next() == ("secret", "1")

    for _ in range(20):
        watched.source.refused()

    assert runs.read_text() == "run\n"
    assert watched.next() == ("secret", "2")
    assert runs.read_text() == "run\nrun\n"


def test_a_password_in_the_settings_is_not_asked_for_again(watch: Any) -> None:
    watched = watch(secret="word")
    assert watched.next() == ("secret", "word")
    watched.source.refused()
    watched.source.network_changed()
    gevent.idle()

    assert watched.told.empty()
