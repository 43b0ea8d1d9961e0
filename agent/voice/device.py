"""The phone itself, as a program sees it (spec: device)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Self

from agent.errors import InvalidArgumentError, InvalidStateError
from agent.handlers import HubEmitter
from agent.net.netlink import NetworkChange
from agent.sdk_version import SDK_VERSION
from agent.signaling.pstream.params import named_params
from agent.voice.audio import AudioHelper
from agent.voice.connection import Connection
from agent.voice.deprecated import DeviceAliases, deprecated, or_handler
from agent.voice.host import DeviceHost
from agent.voice.instance_methods import of_instances
from agent.voice.options import DeviceOptions
from agent.voice.preflight import PreflightTest
from agent.voice.protocols import SignalingStream
from agent.voice.sounds import Sounds

LAST_WORDS_S: Final = 0.5  # how long the end of a `with` waits for the last messages to be sent


@of_instances
class Device(HubEmitter, DeviceAliases):
    """A phone that registers with the voice service and makes and takes calls.

    Events: ready(device) offline(device) incoming(connection) connect(connection) disconnect(connection)
    cancel(connection) error(VoiceError). Those about calls come on the turn of the hub after the call's own. In the
    second generation also: token_told(ttl_s) tokenWillExpire(device).
    """

    is_supported: ClassVar[bool] = True
    version: ClassVar[str] = SDK_VERSION
    package_name: ClassVar[str] = "twilio-client"

    def __init__(self, token: str | None = None, options: Mapping[str, Any] | None = None, **more: Any) -> None:
        """With a token: the same as `setup(token, options)`; without one, `setup` follows later."""
        super().__init__()
        self.token: str | None = None
        #: called whenever `connections` has changed: also where the SDK drops a pending call without any event
        self.on_pending_changed: Callable[[], object] = lambda: None
        self.is_initialized = False
        self._host = DeviceHost(self, lambda: self.on_pending_changed())
        self.log = self._host.log
        if token is not None:
            self.setup(token, options, **more)
        elif options or more:
            raise InvalidArgumentError("argument token: options need a token; give one, or call setup() later")

    def __repr__(self) -> str:
        return f"<Device {self.status() if self.is_initialized else 'not set up'}>"

    # Setting up and ending

    def setup(self, token: str | None = None, options: Mapping[str, Any] | None = None, **more: Any) -> Device:
        """Connect to the voice service. A second call changes the options that are read later, and the token.

        Raises InvalidArgumentError for a missing token, an unknown option or a value that is not allowed, ConfigError
        for a `ca_file` that cannot be used.
        """
        token = _checked_token(token)
        merged = self.options.merged({**(options or {}), **more})
        self._host.check(merged)
        self._host.use(merged)
        if not self.is_initialized or self._host.is_closed:
            self._host.prepare(token)
            self.is_initialized = True
        self.update_token(token)
        return self

    @classmethod
    def run_preflight(cls, token: str, options: Mapping[str, Any] | None = None) -> PreflightTest:
        """Find out by a test call whether calls will work here; the answers are the test's events."""
        return PreflightTest(cls, token, options)

    def destroy(self) -> None:
        """Hang up, close the connection to the service, and forget every listener; idempotent.

        Pending calls are closed without an event, and the service is not told. Only `setup` begins anew.
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

        Raises InvalidArgumentError for an empty one, InvalidStateError before `setup` and after `destroy`.
        """
        self._check_set_up()
        if self._host.is_closed:
            raise InvalidStateError("the Device was destroyed; call setup(token) to begin anew")
        self.token = _checked_token(token)
        self._host.use_token(self.token)

    # Calls

    @or_handler("connect")
    def connect(
        self,
        params: Mapping[str, Any] | None = None,
        audio_constraints: Mapping[str, Any] | bool | None = None,
        rtc_configuration: Mapping[str, Any] | None = None,
    ) -> Connection:
        """Place a call; `params` reach the application behind the service, e.g. {"To": "alice"}.

        Pending calls are ignored. Raises InvalidStateError while another call is active, InvalidArgumentError for
        arguments that cannot be used, and when the service has closed the connection or `destroy` has.
        """
        self._check_set_up()
        if params is not None and not isinstance(params, Mapping):
            raise InvalidArgumentError(f"argument params: {params!r} is not allowed; give a mapping of strings")
        params = named_params(params or {})
        self._host.check_call(audio_constraints, rtc_configuration)
        if self._host.calls.active is not None:
            raise InvalidStateError("a call is active already; disconnect it first")
        if self._host.is_closed:
            raise InvalidArgumentError("the Device was destroyed; call setup(token) to begin anew")
        if self.stream is None:
            raise InvalidArgumentError("the service has closed the connection; give a new token to update_token()")
        connection = self._host.calls.outgoing(params)
        connection.accept(audio_constraints, rtc_configuration)
        return connection

    @property
    def connections(self) -> list[Connection]:
        """The pending incoming calls, the oldest first."""
        return list(self._host.calls.pending)

    def active_connection(self) -> Connection | None:
        """Return the active call, or else the first pending one."""
        return self._host.calls.active or next(iter(self._host.calls.pending), None)

    def disconnect_all(self) -> None:
        """End the active call and forget the pending ones, which the service is not told. InvalidStateError."""
        self._check_set_up()
        self._host.calls.disconnect_all()

    # Presence

    def register_presence(self) -> Device:
        """Take incoming calls. Raises InvalidStateError before the set-up."""
        self._check_set_up()
        self._host.registration.set(True)
        return self

    def unregister_presence(self) -> Device:
        """Take no incoming calls. Raises InvalidStateError before the set-up."""
        self._check_set_up()
        self._host.registration.set(False)
        return self

    # What there is to know

    @property
    def options(self) -> DeviceOptions:
        """The options in force."""
        return self._host.options

    def status(self) -> str:
        """Return busy, ready or offline. Raises InvalidStateError before the set-up."""
        self._check_set_up()
        return "busy" if self._host.calls.active is not None else self._host.status

    @property
    def edge(self) -> str | None:
        """The edge in use; None while there is no connection to the service."""
        return self._host.edge

    def region(self) -> str:
        """Return the region in use, or `offline`; deprecated. Raises InvalidStateError before the set-up."""
        self._check_set_up()
        deprecated("Device.region()", "Device.edge", self.log)
        return self._host.region if self._host.region is not None else "offline"

    @property
    def audio(self) -> AudioHelper | None:
        """Microphones and speakers; None before the set-up."""
        return self._host.audio

    @property
    def sounds(self) -> Sounds:
        """The sounds of calls and their switches."""
        return self._host.sounds

    @property
    def stream(self) -> SignalingStream | None:
        """The signaling stream; None before the set-up and after the service has closed it."""
        return self._host.stream

    def network_changed(self, change: NetworkChange | None = None) -> None:
        """Look after signaling and the calls at once: this machine's addresses or routes changed.

        With `change`, calls whose path it leaves alone are left alone too. The Device notices changes by itself.
        """
        self._host.network_changed(change)

    def _check_set_up(self) -> None:
        if not self.is_initialized:
            raise InvalidStateError("the Device is not set up; call setup(token) first")


def _checked_token(token: object) -> str:
    if not isinstance(token, str) or not token:
        raise InvalidArgumentError("argument token: an access token is needed, a string that is not empty")
    return token
