"""The fixed words of PStream, for both of its ends (spec: signaling 7, 8, 11)."""

from __future__ import annotations

from typing import Final

HEARTBEAT: Final = "\n"  #: the one frame that is not JSON; the server says it, the client says it back


class MessageType:
    """What the envelope's `type` may be. Events of a Stream that tell a server's message have its name."""

    LISTEN: Final = "listen"
    REGISTER: Final = "register"
    INVITE: Final = "invite"
    ANSWER: Final = "answer"
    REINVITE: Final = "reinvite"
    DTMF: Final = "dtmf"
    HANGUP: Final = "hangup"
    REJECT: Final = "reject"
    CONNECTED: Final = "connected"
    READY: Final = "ready"
    OFFLINE: Final = "offline"
    ERROR: Final = "error"
    CANCEL: Final = "cancel"
    RINGING: Final = "ringing"
    CLOSE: Final = "close"
    MESSAGE: Final = "message"
    ACK: Final = "ack"


class Member:
    """Members of the envelope and of payloads."""

    TYPE: Final = "type"
    VERSION: Final = "version"
    PAYLOAD: Final = "payload"
    TOKEN: Final = "token"
    BROWSERINFO: Final = "browserinfo"
    MEDIA: Final = "media"
    AUDIO: Final = "audio"
    CALLSID: Final = "callsid"
    SDP: Final = "sdp"
    PREFLIGHT: Final = "preflight"
    TWILIO: Final = "twilio"
    PARAMS: Final = "params"
    PARAMETERS: Final = "parameters"
    RECONNECT: Final = "reconnect"
    DTMF: Final = "dtmf"
    REGION: Final = "region"
    GATEWAY: Final = "gateway"
    EDGE: Final = "edge"
    HOME: Final = "home"
    IDENTITY: Final = "identity"
    TTL: Final = "ttl"
    RECONNECT_TIMEOUT: Final = "reconnectTimeout"
    RETRY_AFTER: Final = "retryAfter"
    CONTENT: Final = "content"
    CONTENTTYPE: Final = "contenttype"
    MESSAGETYPE: Final = "messagetype"
    ERROR: Final = "error"
    CODE: Final = "code"
    MESSAGE: Final = "message"
    TWILIO_ERROR: Final = "twilioError"  #: never on the wire
    ACKTYPE: Final = "acktype"
    VOICEEVENTSID: Final = "voiceeventsid"
    ANSWERED_BY: Final = "answeredBy"  #: of several who were called, who has the call; ours, no SDK knows it


TRANSPORT_OPEN: Final = "transport_open"  #: no message of the server can have the name of an event of our own
TRANSPORT_CLOSE: Final = "transport_close"

SERVER_TYPES: Final = frozenset(
    (
        MessageType.CONNECTED,
        MessageType.READY,
        MessageType.OFFLINE,
        MessageType.ERROR,
        MessageType.INVITE,
        MessageType.CANCEL,
        MessageType.RINGING,
        MessageType.ANSWER,
        MessageType.HANGUP,
        MessageType.CLOSE,
    )
)  #: what a client of the first generation hears
CALL_TYPES: Final = frozenset(
    (
        MessageType.INVITE,
        MessageType.ANSWER,
        MessageType.REINVITE,
        MessageType.DTMF,
        MessageType.HANGUP,
        MessageType.REJECT,
        MessageType.MESSAGE,
    )
)  #: what a client says about a call
SECOND_GENERATION_TYPES: Final = frozenset((MessageType.MESSAGE, MessageType.ACK))  #: no other client knows them
