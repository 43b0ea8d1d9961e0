"""The phone itself, as a program sees it (spec: device)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Self

from agent.errors import InvalidArgumentError, InvalidStateError, NotSupportedError
from agent.net.netlink import NetworkChange
from agent.sdk_version import SDK_VERSION
from agent.signaling.pstream.params import named_params
from agent.signaling.settings import SIP
from agent.voice.connect_options import connect_arguments
from agent.voice.connection import Connection
from agent.voice.deprecated import DeviceAliases, or_handler
from agent.voice.device_registration import DeviceRegistration
from agent.voice.event_names import SpelledEmitter
from agent.voice.host import DeviceHost
from agent.voice.instance_methods import of_instances
from agent.voice.preflight import PreflightTest
from agent.voice.sip_account import with_account

LAST_WORDS_S: Final = 0.5  # how long the end of a `with` waits for the last messages to be sent
DESTROYED: Final = "the Device was destroyed; call setup(token) to begin anew"


@of_instances
class Device(DeviceRegistration, SpelledEmitter, DeviceAliases):
    """A phone that registers with the voice service and makes and takes calls.

    Events: ready(device) offline(device) incoming(connection) connect(connection) disconnect(connection)
    cancel(connection) error(VoiceError). Those about calls come on the turn of the hub after the call's own. In the
    second generation also: registering registered unregistered destroyed token_told(ttl_s) tokenWillExpire(device).
    With a `call_store`: resumed(connection) for a call that the process before this one was in.
    """

    is_supported: ClassVar[bool] = True
    version: ClassVar[str] = SDK_VERSION
    package_name: ClassVar[str] = "twilio-client"

    def __init__(self, token: str | None = None, options: Mapping[str, Any] | None = None, **more: Any) -> None:
        """With a token: the same as `setup(token, options)`; without one, `setup` follows later."""
        super().__init__()
        given = {**(options or {}), **more}
        self.token: str | None = None
        #: called whenever `connections` has changed: also where the SDK drops a pending call without any event
        self.on_pending_changed: Callable[[], object] = lambda: None
        self.is_initialized = False
        self._host = DeviceHost(self, lambda: self.on_pending_changed())
        self.log = self._host.log
        if token is not None or given.get("protocol") == SIP:
            self.setup(token, given)
        elif given:
            raise InvalidArgumentError("argument token: options need a token; give one, or call setup() later")

    def __repr__(self) -> str:
        return f"<Device {self.status() if self.is_initialized else 'not set up'}>"

    # Setting up and ending

    def setup(self, token: str | None = None, options: Mapping[str, Any] | None = None, **more: Any) -> Device:
        """Register with the voice service. A second call changes the options that are read later, and the token.

        With `no_register` a Device of the second generation connects when `register` or `connect` needs it. With
        `protocol="sip"` and an account in `sip` it registers with a PBX; a token is not needed then, and not used.

        Raises InvalidArgumentError for a missing token, an unknown option or a value that is not allowed, ConfigError
        for a `ca_file` that cannot be used.
        """
        merged = self.options.merged(with_account({**(options or {}), **more}))
        token = "" if merged.protocol == SIP else _checked_token(token)
        self._host.check(merged)
        self._host.use(merged)
        if not self.is_initialized or self._host.is_closed:
            self._host.prepare(token)
            self.is_initialized = True
        self._use_token(token)
        return self

    @classmethod
    def run_preflight(cls, token: str, options: Mapping[str, Any] | None = None) -> PreflightTest:
        """Find out by a test call whether calls will work here; the answers are the test's events."""
        return PreflightTest(cls, token, options)

    def open(self) -> Device:
        """Connect to the service now, without registering; in the second generation a first call has no wait then.

        Raises InvalidStateError before the set-up.
        """
        self._check_set_up()
        self._host.need_stream(self.token)
        return self

    def destroy(self) -> None:
        """Hang up, close the connection to the service, and forget every listener; idempotent.

        Pending calls are rejected; in the first generation they are closed without an event, and the service is not
        told. Only `setup` begins anew.
        """
        self._host.close()
        self.remove_all_listeners()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        """Destroy it, and wait until the service has been told."""
        stream = self.stream
        self.destroy()
        if stream is not None:
            stream.join(LAST_WORDS_S)

    def update_token(self, token: str) -> None:
        """Use a new token from now on, without interrupting calls.

        Raises InvalidArgumentError for an empty one, InvalidStateError before `setup` and after `destroy`,
        NotSupportedError with SIP, which has none.
        """
        self._check_set_up()
        if self._host.is_closed:
            raise InvalidStateError(DESTROYED)
        if self._host.generation.no_tokens:
            raise NotSupportedError(self._host.generation.no_tokens)
        self._use_token(_checked_token(token))

    def update_options(self, options: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Change options; another edge is moved to at once.

        Raises InvalidArgumentError for an unknown option or a value that is not allowed, InvalidStateError before the
        set-up, after `destroy`, and for another edge while a call is active; nothing is changed then.
        """
        self._check_set_up()
        if self._host.is_closed or self.token is None:
            raise InvalidStateError(DESTROYED)
        merged = self.options.merged(with_account({**(options or {}), **more}))
        self._host.check(merged)
        is_other_account = merged.sip != self.options.sip
        moves = self._host.addresses(merged) != self._host.addresses(self.options)
        if moves and self.is_busy:
            raise InvalidStateError("the edge cannot be changed while a call is active; disconnect it first")
        self._host.use(merged)
        if moves and self.stream is not None:
            self._host.move(self.token)
        elif is_other_account:
            self._host.use_token(self.token)

    def network_changed(self, change: NetworkChange | None = None) -> None:
        """Look after signaling and the calls at once: this machine's addresses or routes changed.

        With `change`, calls whose path it leaves alone are left alone too. The Device notices changes by itself.
        """
        self._host.network_changed(change)

    def _use_token(self, token: str) -> None:
        self.token = token
        self._host.use_token(token)

    # Calls

    @or_handler("connect")
    def connect(
        self,
        params: Mapping[str, Any] | None = None,
        audio_constraints: Mapping[str, Any] | bool | None = None,
        rtc_configuration: Mapping[str, Any] | None = None,
    ) -> Connection:
        """Place a call; `params` reach the application behind the service, e.g. {"To": "alice"}.

        A mapping of `params`, `rtcConfiguration` and `rtcConstraints`, as in the SDK 2.x, is understood too. Pending
        calls are ignored. Raises InvalidStateError while another call is active, InvalidArgumentError for arguments
        that cannot be used, and when the service has closed the connection or `destroy` has.
        """
        self._check_set_up()
        if params is not None and not isinstance(params, Mapping):
            raise InvalidArgumentError(f"argument params: {params!r} is not allowed; give a mapping of strings")
        params, audio_constraints, rtc_configuration = connect_arguments(params, audio_constraints, rtc_configuration)
        params = named_params(params)
        self._host.check_call(audio_constraints, rtc_configuration)
        self._make_ready_for_a_call()
        connection = self._host.calls.outgoing(params)
        connection.accept(audio_constraints, rtc_configuration)
        return connection

    def disconnect_all(self) -> None:
        """End the active call and forget the pending ones, which the service is not told. InvalidStateError."""
        self._check_set_up()
        self._host.calls.disconnect_all()

    def _make_ready_for_a_call(self) -> None:
        if self.is_busy:
            raise InvalidStateError("a call is active already; disconnect it first")
        if self._host.is_closed:
            raise InvalidArgumentError(DESTROYED)
        self._host.need_stream(self.token)
        if self.stream is None:
            raise InvalidArgumentError("the service has closed the connection; give a new token to update_token()")


def _checked_token(token: object) -> str:
    if not isinstance(token, str) or not token:
        raise InvalidArgumentError("argument token: an access token is needed, a string that is not empty")
    return token
