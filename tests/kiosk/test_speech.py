"""The judge of the demonstration: it must know heard from not heard."""

from pathlib import Path

import numpy as np
import pytest

from agent.demo.speech import CHECK_RATE_HZ, SpeechSamples, hearing, read, speak


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> tuple[SpeechSamples, SpeechSamples]:
    folder: Path = tmp_path_factory.mktemp("speech")
    first = speak("Good morning, I have a parcel for you.", folder / "first.wav")
    second = speak("The office is closed on Sundays.", folder / "second.wav")
    return read(first), read(second)


def test_what_was_said_is_heard_late_soft_and_noisy(sentences: tuple[SpeechSamples, SpeechSamples]) -> None:
    said, _ = sentences
    noise = np.random.default_rng(7).normal(0, 0.003, len(said) + CHECK_RATE_HZ)
    heard = noise.copy()
    heard[4000 : 4000 + len(said)] += 0.3 * said

    assert hearing(said, heard).ok


def test_other_words_are_not_taken_for_what_was_said(sentences: tuple[SpeechSamples, SpeechSamples]) -> None:
    said, other = sentences

    assert not hearing(said, other).ok


def test_silence_is_not_heard(sentences: tuple[SpeechSamples, SpeechSamples]) -> None:
    said, _ = sentences

    assert not hearing(said, np.zeros(3 * CHECK_RATE_HZ)).ok


def test_nothing_at_all_is_not_heard(sentences: tuple[SpeechSamples, SpeechSamples]) -> None:
    assert not hearing(sentences[0], np.zeros(0)).ok
