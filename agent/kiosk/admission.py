"""What lets a box in: an access token that is renewed, or a password. One class for each protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

from agent.config import Config
from agent.config.sip_account import sip_account
from agent.signaling.sip.secret import read_secret
from agent.signaling.sip.secret_source import SecretSource
from agent.signaling.token.token_source import TokenSource
from agent.voice.device import Device


class Admission(Protocol):
    """As the registrar sees it."""

    part: str  #: the trouble that a lack of it is

    @property
    def is_ready(self) -> bool: ...  # there is something to go in with

    def listen(self, renewed: Callable[[], None], missing: Callable[[str], None]) -> None: ...

    def leave(self) -> None: ...  # tell nobody any more

    def run(self, beat: Callable[[], object]) -> None: ...  # look after it until the greenlet is killed

    def enter(self, device: Device, options: Callable[[], Mapping[str, Any]]) -> None: ...  # set up, or renew

    def refused(self) -> None: ...

    def network_changed(self) -> None: ...

    def told(self, ttl_s: float) -> None: ...  # how long it lasts


class TokenAdmission:
    """Access tokens."""

    part = "token"

    def __init__(self, config: Config) -> None:
        """Raises InvalidArgumentError when `[token]` names no source."""
        self.source = TokenSource(config.token, config.box.identity)
        self.run = self.source.run
        self.refused = self.source.refused
        self.network_changed = self.source.network_changed
        self.told = self.source.told
        self.leave = self.source.remove_all_listeners

    @property
    def is_ready(self) -> bool:
        """Whether there is a token."""
        return self.source.token is not None

    def listen(self, renewed: Callable[[], None], missing: Callable[[str], None]) -> None:
        """Call `renewed()` for each new token, `missing(why)` when none could be had."""
        self.source.on("token", lambda _token: renewed())
        self.source.on("error", lambda error: missing(f"there is no access token: {error}"))

    def enter(self, device: Device, options: Callable[[], Mapping[str, Any]]) -> None:
        """Set the Device up with the token, or hand it over."""
        token = self.source.token
        if token is None:
            return
        if device.is_initialized:
            device.update_token(token)
        else:
            device.setup(token, options())


class SecretAdmission:
    """The password of a SIP account."""

    part = "password"

    def __init__(self, config: Config) -> None:
        self.source = SecretSource(config.sip, config.box.identity)
        self._account = partial(sip_account, config, self.source.current)
        self.run = self.source.run
        self.refused = self.source.refused
        self.network_changed = self.source.network_changed
        self.leave = self.source.remove_all_listeners

    @property
    def is_ready(self) -> bool:
        """Whether there is a password, or none is needed."""
        return self.source.secret is not None

    def listen(self, renewed: Callable[[], None], missing: Callable[[str], None]) -> None:
        """Call `renewed()` for each other password, `missing(why)` when none could be had."""
        self.source.on("secret", renewed)
        self.source.on("error", lambda error: missing(f"there is no password: {error}"))

    def enter(self, device: Device, options: Callable[[], Mapping[str, Any]]) -> None:
        """Set the Device up with the account, or change it there."""
        if device.is_initialized:
            device.setup(None, sip=self._account())
        else:
            device.setup(None, options(), sip=self._account())

    def told(self, ttl_s: float) -> None:
        """Take no notice: a password does not end."""


ADMISSIONS: Mapping[str, Callable[[Config], Admission]] = {"pstream": TokenAdmission, "sip": SecretAdmission}


def credentials(config: Config) -> object:
    """Return the section that says what lets this box in."""
    return config.sip if config.signaling.is_sip else config.token


def fetched(config: Config) -> dict[str, Any]:
    """Get what lets a Device of the moment in, beside the box or in its place: arguments of `Device.setup`.

    Blocks the calling greenlet. Raises TokenError, SecretError, InvalidArgumentError.
    """
    if not config.signaling.is_sip:
        return {"token": TokenSource(config.token, config.box.identity).fetch()}
    secret = read_secret(config.sip, config.box.identity)
    return {"sip": sip_account(config, secret, instance=str(uuid4()))}  # the box's own registration stays
