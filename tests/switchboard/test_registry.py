"""Who is there, and who takes calls."""

from __future__ import annotations

from dataclasses import dataclass

from agent.switchboard.registry import Registry


@dataclass(eq=False)
class Someone:
    id: int
    identity: str | None
    account_sid: str = "AC1"
    reconnect_timeout_s: float = 0.0
    can_resume: bool = False


def test_only_registered_clients_are_reachable() -> None:
    registry: Registry[Someone] = Registry()
    for client in (Someone(1, "bob"), Someone(2, "bob"), Someone(3, None)):
        registry.add(client)
    registry.set_reachable(2, True)
    assert [client.id for client in registry.of("bob")] == [1, 2]
    assert [client.id for client in registry.reachable("bob")] == [2]


def test_a_client_that_left_is_forgotten() -> None:
    registry: Registry[Someone] = Registry()
    registry.add(Someone(1, "bob"))
    registry.set_reachable(1, True)
    registry.remove(1)
    registry.remove(1)
    registry.set_reachable(1, True)
    assert registry.of("bob") == registry.reachable("bob") == []
    assert registry.get(1) is None and len(registry) == 0
