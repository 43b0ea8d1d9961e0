"""The thread that waits for edges: one contact that fails takes no other with it."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator

import pytest

from hw.panel.edges import Edges


@pytest.fixture
def edges() -> Iterator[Edges]:
    made = Edges()
    yield made
    made.close()


@pytest.fixture
def contacts() -> Iterator[list[int]]:
    made = [os.eventfd(0), os.eventfd(0)]
    yield made
    for fd in made:
        os.close(fd)


def test_each_contact_calls_its_own(edges: Edges, contacts: list[int]) -> None:
    seen: queue.Queue[int] = queue.Queue()
    for number, fd in enumerate(contacts):
        edges.watch(fd, lambda number=number, fd=fd: seen.put(number) or os.eventfd_read(fd))  # type: ignore[misc]
    os.eventfd_write(contacts[1], 1)
    assert seen.get(timeout=5) == 1
    os.eventfd_write(contacts[0], 1)
    assert seen.get(timeout=5) == 0


def test_an_unplugged_chip_is_read_once_and_the_others_go_on(
    edges: Edges, contacts: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    seen: queue.Queue[str] = queue.Queue()

    def gone() -> None:
        seen.put("gone")
        raise OSError("No such device")

    def well() -> None:
        os.eventfd_read(contacts[1])
        seen.put("well")

    edges.watch(contacts[0], gone)
    edges.watch(contacts[1], well)
    os.eventfd_write(contacts[0], 1)  # and it stays readable
    assert seen.get(timeout=5) == "gone"
    for _ in range(3):
        os.eventfd_write(contacts[1], 1)
        assert seen.get(timeout=5) == "well"
    assert seen.empty()
    assert "only its level is read from now on: No such device" in caplog.text


def test_a_forgotten_contact_can_be_watched_again(edges: Edges, contacts: list[int]) -> None:
    seen: queue.Queue[str] = queue.Queue()
    edges.watch(contacts[0], lambda: seen.put("old"))
    edges.forget(contacts[0])
    edges.forget(contacts[0])
    edges.watch(contacts[0], lambda: os.eventfd_read(contacts[0]) and seen.put("new"))
    os.eventfd_write(contacts[0], 1)
    assert seen.get(timeout=5) == "new"


def test_closing_twice_is_no_error() -> None:
    edges = Edges()
    edges.close()
    edges.close()
