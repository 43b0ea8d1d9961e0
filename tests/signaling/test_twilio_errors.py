"""The error catalogue (spec: device 12; oracle 10)."""

from __future__ import annotations

import pytest

from agent.errors import InvalidArgumentError
from agent.twilio_errors import twilio_error

NAMES = {
    20101: "AccessTokenInvalid",
    20104: "AccessTokenExpired",
    20151: "AuthenticationFailed",
    31000: "UnknownError",
    31005: "ConnectionError",
    31009: "TransportError",
    31400: "BadRequest",
    53000: "ConnectionError",
    53001: "ConnectionDisconnected",
    53400: "ClientLocalDescFailed",
    53402: "ClientRemoteDescFailed",
    53405: "ConnectionError",
}


@pytest.mark.parametrize(("code", "name"), NAMES.items())
def test_every_entry_has_its_name_and_says_something(code, name):
    error = twilio_error(code)
    assert (error.code, error.name) == (code, name)
    assert error.description
    assert error.explanation
    assert error.message == ""
    assert error.original_error is None


def test_an_error_carries_a_message_and_what_it_came_from():
    cause = OSError("x")
    assert twilio_error(53405, "text").message == "text"
    assert twilio_error(53405, original_error=cause).original_error is cause
    both = twilio_error(53405, "text", cause)
    assert (both.message, both.original_error) == ("text", cause)


def test_an_unknown_code_is_refused():
    with pytest.raises(InvalidArgumentError, match="12345"):
        twilio_error(12345)
