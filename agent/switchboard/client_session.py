"""One client's signaling, without I/O: frames and time in, effects out.

A socket is anonymous until a `listen` brings a valid token; then `connected` is said, and `register` makes its
identity reachable (`ready`) or not (`offline`). What concerns calls is passed on as a `CallRequest` (spec: signaling
7 to 9). The server beats every ten seconds, and the client echoes each beat: silence means that the path is dead, and
an echo that everything before its beat was read.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from agent.errors import ProtocolError
from agent.log import SeldomLog
from agent.net.rate_limit import RateLimit
from agent.signaling.pstream.messages import Dialect, Message, Payload, frame, parse
from agent.signaling.pstream.names import CALL_TYPES, HEARTBEAT, Member, MessageType
from agent.signaling.pstream.payloads import error_payload
from agent.switchboard.effects import CallRequest, CloseClient, HasRead, SendText, SessionEffect, SetReachable
from agent.switchboard.grant import Grant, TokenRejected
from agent.switchboard.refusals import overload_payload
from agent.switchboard.settings import SwitchboardSettings

LISTEN_TIMEOUT_S = 60.0  # a socket without access may stay this long, so that a new token can still come
SILENCE_BEATS = 3
INVITES_PER_S = 5.0  # new calls, on average
FLOOD_FRAMES = 500  # frames over the rate before the socket is closed
REGION = "switchboard"
GATEWAY = "switchboard"
TOKEN_LIMIT = 16_384
RETRY_AFTER_S = 5  # a client that sends too much is asked to stay away so long, if it knows what that means


class SessionState(Enum):
    """How far a client has come."""

    ANONYMOUS = auto()
    CONNECTED = auto()
    READY = auto()
    CLOSED = auto()


class ClientSession:
    """The protocol of one socket; `now` is monotonic seconds."""

    def __init__(
        self,
        session_id: int,
        settings: SwitchboardSettings,
        judge: Callable[[str], Grant],
        now: float,
        strangers: SeldomLog,
    ) -> None:
        """`judge` returns the grant of a token or raises TokenRejected; `strangers` is shared by all sessions."""
        self.id = session_id
        self.state = SessionState.ANONYMOUS
        self.dialect = Dialect.V1
        self.grant: Grant | None = None
        self.reconnect_timeout_s = 0.0
        self._settings = settings
        self._judge = judge
        self._rate = RateLimit(settings.frames_per_s, now)
        self._invites = RateLimit(INVITES_PER_S, now)
        self._refused = 0
        self._expires_at = now + LISTEN_TIMEOUT_S
        self._expired = False
        self._next_beat_at = now + settings.heartbeat_s
        self._heard_at = now
        self._beats = self._echoes = 0
        self._proof: int | None = None  # the beat whose echo is waited for
        self._strangers = strangers
        self._handlers = {MessageType.LISTEN: self._listen, MessageType.REGISTER: self._register}

    @property
    def identity(self) -> str | None:
        """Who it is, once a token has said so."""
        return self.grant.identity if self.grant else None

    def receive(self, text: str, now: float) -> list[SessionEffect]:
        """Handle one text frame; a malformed one is logged once and changes nothing."""
        self._heard_at = now
        if self.state is SessionState.CLOSED:
            return []
        if not self._rate.take(now):
            return self._refuse()
        if text == HEARTBEAT:
            return self._echo()
        try:
            return self._handle(parse(text), now)
        except ProtocolError as error:
            self.malformed(error)
            return []

    def tick(self, now: float) -> list[SessionEffect]:
        """Do what time demands: the beat, the end of a token, the end of a silent client."""
        if self.state is SessionState.CLOSED:
            return []
        if now - self._heard_at > SILENCE_BEATS * self._settings.heartbeat_s:
            return self._close(1001, "no answer to the heartbeat")
        effects: list[SessionEffect] = []
        if now >= self._expires_at:
            effects += self._expire()
        if now >= self._next_beat_at:
            self._next_beat_at += self._settings.heartbeat_s
            effects.append(self._beat())
        return effects

    def say(self, message_type: str, payload: Payload) -> SendText:
        """Put a message to this client into words of its dialect."""
        return SendText(frame(message_type, payload, self.dialect))

    def ask_whether_read(self) -> SendText:
        """Beat out of turn: the echo tells that all was read that the client was told before (`HasRead`)."""
        beat = self._beat()
        self._proof = self._beats
        return beat

    def malformed(self, error: ProtocolError) -> None:
        """Note a frame that cannot be used; told seldom."""
        self._strangers.warning("a frame of client %d cannot be used: %s", self.id, error)

    def revoke(self, key_sid: str) -> list[SessionEffect]:
        """End the access that the box's credential of this name gave, and the socket with it."""
        if self.state is SessionState.CLOSED or self.grant is None or self.grant.key_sid != key_sid:
            return []
        return [self.say(MessageType.ERROR, error_payload(31204, "JWT invalid")), *self._close(1008, "access ended")]

    def closed(self) -> list[SessionEffect]:
        """Forget a client whose socket has gone."""
        was_ready = self.state is SessionState.READY
        self.state = SessionState.CLOSED
        return [SetReachable(False)] if was_ready else []

    def _beat(self) -> SendText:
        self._beats += 1
        return SendText(HEARTBEAT)

    def _echo(self) -> list[SessionEffect]:
        self._echoes = min(self._echoes + 1, self._beats)
        if self._proof is None or self._echoes < self._proof:
            return []
        self._proof = None
        return [HasRead()]

    def _handle(self, message: Message, now: float) -> list[SessionEffect]:
        handler = self._handlers.get(message.type)
        if handler is not None:
            return handler(message, now)
        if message.type not in CALL_TYPES:
            raise ProtocolError(f"the type {message.type[:40]!r} is unknown; the frame is dropped")
        if self.grant is None:
            return [self._no_access()]
        is_new = message.type == MessageType.INVITE and Member.RECONNECT not in message.payload
        if message.type == MessageType.INVITE and (self._expired or (is_new and not self.grant.may_call)):
            return [self._bar(message)]
        if is_new and not self._invites.take(now):
            return [self._turn_down(message)]
        return [CallRequest(message)]

    def _no_access(self) -> SendText:
        code, text = (31205, "JWT Token Expired") if self._expired else (31204, "JWT invalid: listen comes first")
        return self.say(MessageType.ERROR, error_payload(code, text))

    def _bar(self, message: Message) -> SendText:
        code, text = (31205, "JWT Token Expired") if self._expired else (31201, "The token allows no outgoing calls")
        return self.say(MessageType.HANGUP, error_payload(code, text, callsid=message.text(Member.CALLSID)))

    def _turn_down(self, message: Message) -> SendText:
        self._strangers.warning("client %d calls too often: refused", self.id)
        payload = error_payload(31206, "Rate exceeded", callsid=message.text(Member.CALLSID))
        return self.say(MessageType.HANGUP, payload)

    def _listen(self, message: Message, now: float) -> list[SessionEffect]:
        self.dialect = message.dialect
        self.reconnect_timeout_s = _seconds(message.payload.get(Member.RECONNECT_TIMEOUT))
        try:
            grant = self._judge(message.text(Member.TOKEN, limit=TOKEN_LIMIT))
        except TokenRejected as rejection:
            self._strangers.warning("client %d was refused: %s", self.id, rejection.message)
            return [self.say(MessageType.ERROR, error_payload(rejection.code, rejection.message))]
        effects = self._withdraw() if self.grant and self.grant.identity != grant.identity else []
        self.grant = grant
        self._expires_at = now + grant.ttl_s
        self._expired = False
        if self.state is SessionState.ANONYMOUS:
            self.state = SessionState.CONNECTED
        return [*effects, self.say(MessageType.CONNECTED, self._welcome(grant))]

    def _welcome(self, grant: Grant) -> Payload:
        token = {"accountSid": grant.account_sid, Member.IDENTITY: grant.identity, Member.TTL: int(grant.ttl_s)}
        here = {Member.REGION: REGION, Member.GATEWAY: GATEWAY, Member.HOME: REGION, Member.EDGE: REGION}
        return {**here, Member.TOKEN: token}

    def _register(self, message: Message, now: float) -> list[SessionEffect]:
        if self.grant is None or self._expired:
            return [self._no_access()]
        if message.table(Member.MEDIA).get(Member.AUDIO) is not True:
            return [*self._withdraw(), self.say(MessageType.OFFLINE, {})]
        if not self.grant.may_register:
            return [self.say(MessageType.ERROR, error_payload(31201, "The token allows no incoming calls"))]
        is_new = self.state is not SessionState.READY
        self.state = SessionState.READY
        ready = self.say(MessageType.READY, {})
        return [ready, SetReachable(True)] if is_new else [ready]

    def _withdraw(self) -> list[SessionEffect]:
        was_ready = self.state is SessionState.READY
        self.state = SessionState.CONNECTED
        return [SetReachable(False)] if was_ready else []

    def _expire(self) -> list[SessionEffect]:
        if self.grant is None:
            return self._close(1008, "no valid token")
        effects = self._withdraw()
        self._expires_at = float("inf")
        self._expired = True
        return [*effects, self._no_access(), *([self.say(MessageType.OFFLINE, {})] if effects else [])]

    def _refuse(self) -> list[SessionEffect]:
        self._refused += 1
        if self._refused == 1:
            self._strangers.warning("client %d sends too many frames; the surplus is dropped", self.id)
            return [self.say(MessageType.ERROR, overload_payload(31206, "Rate exceeded", RETRY_AFTER_S))]
        return self._close(1008, "too many frames") if self._refused > FLOOD_FRAMES else []

    def _close(self, code: int, reason: str) -> list[SessionEffect]:
        effects = self.closed()
        return [*effects, CloseClient(code, reason)]


def _seconds(value: object) -> float:
    """Read how many seconds a client says; 0 for what is no such number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0
