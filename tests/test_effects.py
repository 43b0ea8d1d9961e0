"""Effects are carried out in order, never one inside another, and nobody starves (agent.effects)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent.effects import IN_A_ROW, EffectQueue


def test_what_comes_up_meanwhile_waits_behind_what_is_due() -> None:
    told: list[str] = []

    def carry_out(effect: str) -> None:
        told.append(f"begin {effect}")
        if effect == "a":
            queue.run(["c"])
        told.append(f"end {effect}")

    queue: EffectQueue[str] = EffectQueue(carry_out, lambda fn: None)
    queue.run(["a", "b"])
    assert told == ["begin a", "end a", "begin b", "end b", "begin c", "end c"]


def test_a_listener_that_answers_each_effect_with_another_one_starves_nobody() -> None:
    later: list[Callable[[], None]] = []
    told: list[Any] = []
    queue: EffectQueue[int] = EffectQueue(lambda n: (told.append(n), queue.run([n + 1])), later.append)
    queue.run([0])
    assert told == list(range(IN_A_ROW))
    later.pop()()
    assert told == list(range(2 * IN_A_ROW))


def test_what_is_due_is_not_lost_with_a_handler_that_is_ended() -> None:
    later: list[Callable[[], None]] = []
    told: list[int] = []

    def carry_out(number: int) -> None:
        if number == 1:
            raise SystemExit
        told.append(number)

    queue: EffectQueue[int] = EffectQueue(carry_out, later.append)
    with pytest.raises(SystemExit):
        queue.run([0, 1, 2])
    queue.run([3])
    later.pop()()
    assert told == [0, 2, 3]
