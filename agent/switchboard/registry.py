"""Who is there: sessions by identity. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar


class Registered(Protocol):
    """A client as the cores know it."""

    @property
    def id(self) -> int:
        """The number of its socket; a later one is greater."""

    @property
    def identity(self) -> str | None:
        """Who it is, once a token has said so."""

    @property
    def account_sid(self) -> str:
        """The account that its token names."""

    @property
    def can_resume(self) -> bool:
        """Whether it takes its calls up again by token, as the 2.x SDK does."""

    @property
    def reconnect_timeout_s(self) -> float:
        """How long its calls shall wait for it when its socket is lost; 0 when it did not say."""


class Directory(Protocol):
    """The registry as it is asked who is there."""

    def reachable(self, identity: str) -> Sequence[Registered]: ...

    def of(self, identity: str) -> Sequence[Registered]: ...


C = TypeVar("C", bound=Registered)


class Registry(Generic[C]):
    """The sessions that are connected, and which of them take calls; oldest first."""

    def __init__(self) -> None:
        self._clients: dict[int, C] = {}
        self._reachable: set[int] = set()

    def __len__(self) -> int:
        return len(self._clients)

    def add(self, client: C) -> None:
        """Enter a client whose socket was opened."""
        self._clients[client.id] = client

    def remove(self, client_id: int) -> None:
        """Forget a client whose socket has gone; idempotent."""
        self._clients.pop(client_id, None)
        self._reachable.discard(client_id)

    def get(self, client_id: int | None) -> C | None:
        """Return the session, if it is still connected."""
        return self._clients.get(client_id) if client_id is not None else None

    def set_reachable(self, client_id: int, reachable: bool) -> None:
        """Note whether the client takes calls from now on."""
        if reachable and client_id in self._clients:
            self._reachable.add(client_id)
        else:
            self._reachable.discard(client_id)

    def reachable(self, identity: str) -> list[C]:
        """Return the sessions that a call to `identity` rings."""
        return [client for client in self.of(identity) if client.id in self._reachable]

    def of(self, identity: str) -> list[C]:
        """Return every connected session of `identity`."""
        return [client for client in self._clients.values() if client.identity == identity]

    def all(self) -> list[C]:
        """Return every session."""
        return list(self._clients.values())
