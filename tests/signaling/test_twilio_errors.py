"""The error catalogue (spec: device 12; oracle 10)."""

from __future__ import annotations

import pytest

from agent import twilio_errors
from agent.errors import InvalidArgumentError, TwilioError
from agent.twilio_errors import error_class, twilio_error

CATALOGUE = {
    "AuthorizationErrors": {
        20101: "AccessTokenInvalid", 20104: "AccessTokenExpired", 20151: "AuthenticationFailed",
        31201: "AuthorizationError", 31203: "NoValidAccountError", 31204: "InvalidJWTTokenError",
        31205: "JWTTokenExpiredError", 31206: "RateExceededError", 31207: "JWTTokenExpirationTooLongError",
        31209: "ReconnectAttemptError", 31210: "CallMessageEventTypeInvalidError", 31212: "PayloadSizeExceededError",
    },
    "SignatureValidationErrors": {31202: "AccessTokenSignatureValidationFailed"},
    "ClientErrors": {31400: "BadRequest", 31404: "NotFound", 31480: "TemporarilyUnavailable", 31486: "BusyHere"},
    "SIPServerErrors": {31603: "Decline"},
    "GeneralErrors": {
        31000: "UnknownError", 31001: "ApplicationNotFoundError", 31002: "ConnectionDeclinedError",
        31003: "ConnectionTimeoutError", 31005: "ConnectionError", 31008: "CallCancelledError", 31009: "TransportError",
    },
    "MalformedRequestErrors": {
        31100: "MalformedRequestError", 31101: "MissingParameterArrayError", 31102: "AuthorizationTokenMissingError",
        31103: "MaxParameterLengthExceededError", 31104: "InvalidBridgeTokenError", 31105: "InvalidClientNameError",
        31107: "ReconnectParameterInvalidError",
    },
    "UserMediaErrors": {31401: "PermissionDeniedError", 31402: "AcquisitionFailedError"},
    "SignalingErrors": {53000: "ConnectionError", 53001: "ConnectionDisconnected"},
    "MediaErrors": {53400: "ClientLocalDescFailed", 53402: "ClientRemoteDescFailed", 53405: "ConnectionError"},
}  # fmt: skip
ENTRIES = [(group, code, name) for group, entries in CATALOGUE.items() for code, name in entries.items()]


@pytest.mark.parametrize(("group", "code", "name"), ENTRIES)
def test_every_entry_has_its_name_and_says_something(group, code, name):
    error = twilio_error(code)
    assert (error.code, error.name) == (code, name)
    assert type(error) is error_class(code) is getattr(getattr(twilio_errors, group), name)
    assert isinstance(error, TwilioError)
    assert error.description and not error.description.endswith(".")
    assert error.explanation.endswith(".")
    assert not any(text.endswith(".") for text in (*error.causes, *error.solutions))
    assert error.message == ""
    assert error.original_error is None


def test_no_two_entries_say_the_same():
    told = [(twilio_error(code).code, twilio_error(code).explanation) for _group, code, _name in ENTRIES]
    assert len({code for code, _ in told}) == len({text for _, text in told}) == len(ENTRIES)


def test_errors_are_equal_when_they_say_the_same():
    assert twilio_error(53405, "text") == twilio_error(53405, "text")
    assert twilio_error(53405, "text") != twilio_error(53405, "another")
    assert twilio_error(53000) != twilio_error(31005)


def test_an_error_carries_a_message_and_what_it_came_from():
    cause = OSError("x")
    assert twilio_error(53405, "text").message == "text"
    assert twilio_error(53405, original_error=cause).original_error is cause
    both = twilio_error(53405, "text", cause)
    assert (both.message, both.original_error) == ("text", cause)


def test_an_unknown_code_is_refused():
    with pytest.raises(InvalidArgumentError, match="12345"):
        twilio_error(12345)


@pytest.mark.parametrize("code", [0, None, "53000", 53000.5, [], True])
def test_what_is_no_code_has_no_class(code):
    assert error_class(code) is None
