"""The voice service's error catalogue: what the errors of calls and of signaling carry (spec: device 12)."""

from __future__ import annotations

from dataclasses import replace

from agent.errors import InvalidArgumentError, TwilioError

ACCESS_TOKEN_INVALID = 20101
ACCESS_TOKEN_EXPIRED = 20104
AUTHENTICATION_FAILED = 20151
UNKNOWN_ERROR = 31000
GATEWAY_ERROR = 31005
TRANSPORT_ERROR = 31009
BAD_REQUEST = 31400
SIGNALING_ERROR = 53000
SIGNALING_DISCONNECTED = 53001
LOCAL_DESCRIPTION_FAILED = 53400
REMOTE_DESCRIPTION_FAILED = 53402
MEDIA_ERROR = 53405

_CATALOGUE = {
    entry.code: entry
    for entry in (
        TwilioError(
            ACCESS_TOKEN_INVALID,
            "AccessTokenInvalid",
            "The access token is not valid",
            "The service could not read or verify the access token.",
            ("The token was cut short or changed", "It was signed with another key than its issuer's"),
            ("Mint a new token with an API key of this account",),
        ),
        TwilioError(
            ACCESS_TOKEN_EXPIRED,
            "AccessTokenExpired",
            "The access token has expired, or its expiry cannot be used",
            "The token's time is over, or it was minted for longer than the service allows.",
            ("Nothing renewed the token in time", "The clock of this machine or of the token server is wrong"),
            ("Give the device a new token before the old one expires", "Synchronise the clocks"),
        ),
        TwilioError(
            AUTHENTICATION_FAILED,
            "AuthenticationFailed",
            "Authentication failed",
            "The service does not accept this token for a phone.",
            ("The token grants no voice", "The account is suspended"),
            ("Mint the token with a voice grant", "Look at the account in its console"),
        ),
        TwilioError(
            UNKNOWN_ERROR,
            "UnknownError",
            "Something failed for an unknown reason",
            "The far side reported a failure that has no entry of its own.",
        ),
        TwilioError(
            GATEWAY_ERROR,
            "ConnectionError",
            "The voice gateway ended the call with an error",
            "The gateway could not set up or keep the call.",
            ("The called side refused or could not be reached",),
            ("Look at the call in the service's log",),
        ),
        TwilioError(
            TRANSPORT_ERROR,
            "TransportError",
            "There is no signaling connection to send on",
            "A message could not be sent because the secure WebSocket is not open.",
            ("The network is down", "The service restarts"),
            ("Wait: the connection is opened again by itself",),
        ),
        TwilioError(
            BAD_REQUEST,
            "BadRequest",
            "A message was incomplete",
            "A message lacked a part without which it has no meaning.",
        ),
        TwilioError(
            SIGNALING_ERROR,
            "ConnectionError",
            "The signaling connection failed",
            "The connection to the voice service ended without a closing handshake, or the service reported an error.",
            ("The network is down or blocks secure WebSockets", "The host name of the service is wrong"),
            ("Check the network and the firewall", "Check edge, region or server in the settings"),
        ),
        TwilioError(
            SIGNALING_DISCONNECTED,
            "ConnectionDisconnected",
            "The signaling connection is down",
            "What was asked needs the signaling connection, and it is not open.",
            ("The network is down", "The certificate of the service is not trusted"),
            ("Try again when the device is ready", "Check the network, the clock and the certificates"),
        ),
        TwilioError(
            LOCAL_DESCRIPTION_FAILED,
            "ClientLocalDescFailed",
            "The local session description could not be made or applied",
            "The media engine refused its own offer or answer.",
        ),
        TwilioError(
            REMOTE_DESCRIPTION_FAILED,
            "ClientRemoteDescFailed",
            "The remote session description could not be applied",
            "The description from the far side has no codec or transport in common with this device.",
        ),
        TwilioError(
            MEDIA_ERROR,
            "ConnectionError",
            "The media connection failed",
            "No audio path to the far side could be found, or the one in use was lost.",
            ("A firewall blocks UDP", "The network changed or is too weak"),
            ("Allow outgoing UDP, or configure a TURN server", "Switch on the recovery of media"),
        ),
    )
}


def twilio_error(code: int, message: str = "", original_error: BaseException | None = None) -> TwilioError:
    """Look up the entry with this code; it carries `message` and the error behind it. Raises InvalidArgumentError."""
    entry = _CATALOGUE.get(code)
    if entry is None:
        raise InvalidArgumentError(f"there is no error {code} in the catalogue; known are {sorted(_CATALOGUE)}")
    return replace(entry, message=message, original_error=original_error)
