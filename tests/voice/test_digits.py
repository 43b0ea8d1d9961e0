"""When each digit goes out and when each key is heard."""

from __future__ import annotations

import pytest

from agent.errors import InvalidArgumentError
from agent.voice.digits import DigitSender, check_digits, insert_schedule, key_tone_schedule


@pytest.mark.parametrize(
    ("digits", "inserts", "length_ms"),
    [
        ("12345", [(0, "12345")], 1_150),
        ("12w#w*", [(0, "12"), (960, "#"), (1_690, "*")], 1_920),
        ("ww1", [(1_000, "1")], 1_230),
        ("123w456w#*", [(0, "123"), (1_190, "456"), (2_380, "#*")], 2_840),
        ("1w", [(0, "1")], 730),
        ("", [], 0),
    ],
)
def test_a_pause_follows_the_tones_before_it(digits: str, inserts: list[tuple[int, str]], length_ms: int) -> None:
    assert insert_schedule(digits) == (inserts, length_ms)


def test_a_key_is_heard_every_200_ms_and_a_pause_takes_its_step() -> None:
    assert key_tone_schedule("12w#w*") == [(0, "1"), (200, "2"), (600, "#"), (1_000, "*")]


@pytest.mark.parametrize("digits", ["12345", "1w2w3w", "*#*#*#", "1#*w23####0099", ""])
def test_what_may_be_sent(digits: str) -> None:
    assert check_digits(digits) == digits


@pytest.mark.parametrize("digits", ["foo", "87309870934z", "09-823-", "ABC", "9 9", "１", None, 12])
def test_what_may_not_be_sent_is_refused(digits: object) -> None:
    with pytest.raises(InvalidArgumentError, match="argument digits"):
        check_digits(digits)


def test_each_tone_comes_in_its_time() -> None:
    sender = DigitSender()

    assert sender.send("1w2", 100.0) == [(0, "1")]
    assert sender.deadline() == pytest.approx(100.73)
    assert sender.tick(100.7) == []
    assert sender.tick(100.74) == [(730, "2")]
    assert sender.deadline() is None


def test_keys_and_tones_share_the_time_and_keep_their_order() -> None:
    sender = DigitSender()
    first = sender.play_keys("12", 0.0) + sender.send("12", 0.0) + sender.send("3", 0.0)

    assert [effect[1] for effect in first] == ["1", "12"]
    assert [effect[1] for effect in sender.tick(1.0)] == ["2", "3"]


def test_what_was_not_sent_when_the_call_ends_is_forgotten() -> None:
    sender = DigitSender()
    sender.send("1w2", 0.0)

    sender.close(0.1)

    assert sender.deadline() is None
    assert sender.tick(5.0) == []
