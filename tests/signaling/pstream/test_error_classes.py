"""Which class an error of signaling has in each generation, as it was recorded (spec: device 5; signaling 11)."""

from __future__ import annotations

import pytest

from agent.signaling.pstream.error_classes import known_class, second_class
from agent.signaling.pstream.generation import FIRST, SECOND
from agent.twilio_errors import AuthorizationErrors, ClientErrors, GeneralErrors, SignalingErrors

SERVER = SignalingErrors.ConnectionError()


@pytest.mark.parametrize(
    ("code", "first", "second"),
    [
        (20101, SignalingErrors.ConnectionError, AuthorizationErrors.AccessTokenInvalid),
        (20104, SignalingErrors.ConnectionError, AuthorizationErrors.AccessTokenExpired),
        (31000, SignalingErrors.ConnectionError, GeneralErrors.UnknownError),
        (31005, SignalingErrors.ConnectionError, GeneralErrors.ConnectionError),
        (31201, AuthorizationErrors.AuthenticationFailed, AuthorizationErrors.AuthenticationFailed),
        (31204, AuthorizationErrors.AccessTokenInvalid, AuthorizationErrors.AccessTokenInvalid),
        (31205, AuthorizationErrors.AccessTokenExpired, AuthorizationErrors.AccessTokenExpired),
        (31206, SignalingErrors.ConnectionError, AuthorizationErrors.RateExceededError),
        (31404, SignalingErrors.ConnectionError, SignalingErrors.ConnectionError),
        (53000, SignalingErrors.ConnectionError, SignalingErrors.ConnectionError),
        (31999, SignalingErrors.ConnectionError, SignalingErrors.ConnectionError),
        (None, SignalingErrors.ConnectionError, SignalingErrors.ConnectionError),
    ],
)
def test_an_error_of_the_service_has_the_class_that_was_recorded(
    code: int | None, first: type, second: type
) -> None:
    error = {"code": code, "message": "told", "twilioError": SERVER}

    assert type(FIRST.classify(error)) is first
    assert type(SECOND.classify(error)) is second


def test_the_class_of_the_second_generation_carries_what_was_told() -> None:
    error = {"code": 31206, "message": "Rate exceeded", "twilioError": SERVER}

    assert SECOND.classify(error).original_error == error
    assert FIRST.classify(error) is SERVER


def test_what_nobody_knows_is_unknown() -> None:
    assert type(FIRST.classify({})) is GeneralErrors.UnknownError
    unknown = SECOND.classify({"message": "odd"})
    assert (type(unknown), unknown.message) == (GeneralErrors.UnknownError, "odd")


def test_a_program_may_ask_for_the_classes_that_are_kept_back() -> None:
    error = {"code": 31404, "message": "gone", "twilioError": SERVER}

    assert second_class(error) is SERVER
    assert type(second_class(error, precise=True)) is ClientErrors.NotFound
    assert (known_class(31404), known_class(31404, precise=True)) == (None, ClientErrors.NotFound)


@pytest.mark.parametrize("code", [31201, 31204, 31205])
def test_only_an_error_message_is_about_the_token(code: int) -> None:
    assert known_class(code) is None
    assert type(second_class({"code": code})).__name__ in ("AuthenticationFailed", "AccessTokenInvalid",
                                                           "AccessTokenExpired")  # fmt: skip
