"""What an error of the service is taken for."""

from __future__ import annotations

import pytest

from agent.errors import VoiceError
from agent.signaling.pstream.error_classes import second_class
from agent.signaling.refusals import PARTS, in_words, refusal_by_code, refusal_of
from agent.twilio_errors import twilio_error


@pytest.mark.parametrize("code", [*range(20100, 20160), *range(31100, 31110), *range(31200, 31215), 31007, 20003])
def test_every_code_of_the_series_about_tokens_and_accounts_has_its_trouble(code: int) -> None:
    refusal = refusal_by_code(code)

    assert refusal.part in ("token", "account", "version", "rate")
    assert refusal.remedy and refusal.what in in_words(refusal, "2", code, "no")


@pytest.mark.parametrize("code", [1, 31999, 99_999, None, "text", 3.5, [], True])
def test_an_unknown_code_is_told_all_the_same(code: object) -> None:
    refusal = refusal_by_code(code)

    assert refusal.part in PARTS
    assert "no\n" not in in_words(refusal, "2", code, "no\n")


@pytest.mark.parametrize(("code", "klass"), [(31000, 53001), (31005, 53000), (31009, 31009), (None, 31400)])
def test_what_is_our_own_connection_s_is_no_refusal(code: int | None, klass: int) -> None:
    assert refusal_of(VoiceError(code, "", twilio_error=twilio_error(klass))) is None


@pytest.mark.parametrize(("code", "klass"), [(31000, 53001), (31005, 53000), (31009, 31009)])
def test_the_same_in_the_second_generation_whose_classes_go_by_the_code(code: int, klass: int) -> None:
    entry = second_class({"code": code, "message": "", "twilioError": twilio_error(klass)})

    assert entry.code == code
    assert refusal_of(VoiceError(code, "", twilio_error=entry)) is None


@pytest.mark.parametrize(("code", "part"), [(31000, "service"), (31206, "rate"), (31205, "token"), (20104, "token")])
def test_what_the_service_says_in_the_second_generation_is_told(code: int, part: str) -> None:
    entry = second_class({"code": code, "message": "", "twilioError": twilio_error(53000)})
    refusal = refusal_of(VoiceError(code, "", twilio_error=entry))

    assert refusal is not None and refusal.part == part


def test_what_is_about_a_call_or_the_microphone_is_no_refusal() -> None:
    assert refusal_of(VoiceError(31201, "", twilio_error=None)) is None
    assert refusal_of(VoiceError(31403, "", connection=object(), twilio_error=twilio_error(31005))) is None
    token = refusal_of(VoiceError(31201, "", twilio_error=twilio_error(20151)))
    assert token is not None and token.renews
