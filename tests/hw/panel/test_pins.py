"""The pins as the panel sees them: the same on gpiozero's mock, on our own pins in memory and on a simulated chip."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from hw.errors import PinError
from hw.panel import pins as pins_module
from hw.panel.chips import Chip
from hw.panel.pins import Pins, open_factory
from tests.hw.panel.boards import BOARDS, Board, SimulatedBoard

PI4 = [Chip(0, "pinctrl-bcm2711", 58), Chip(1, "raspberrypi-exp-gpio", 8)]


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> Iterator[Board]:
    made = BOARDS[request.param]()
    yield made
    made.pins.close()


def test_a_machine_without_chips_gets_a_virtual_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins_module, "list_chips", list)
    monkeypatch.setattr(pins_module, "is_raspberry_pi", lambda: False)
    assert open_factory("auto").virtual


def test_a_pi_without_its_chip_is_an_error_and_not_a_virtual_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins_module, "list_chips", list)
    monkeypatch.setattr(pins_module, "is_raspberry_pi", lambda: True)
    with pytest.raises(PinError, match=r"pinctrl-bcm2711.*found: none"):
        open_factory("auto")


@pytest.mark.parametrize("kind", ["gpiod", "lgpio"])
def test_the_boards_pins_have_two_names_and_never_become_virtual(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins_module, "list_chips", list)
    monkeypatch.setattr(pins_module, "is_raspberry_pi", lambda: False)
    with pytest.raises(PinError, match="no GPIO chip"):
        open_factory(kind)


def test_a_wrong_label_names_those_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins_module, "list_chips", lambda: PI4)
    with pytest.raises(PinError, match="raspberrypi-exp-gpio"):
        open_factory("auto", "pinctrl-typo")


def test_a_chip_that_cannot_be_opened_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins_module, "list_chips", lambda: [Chip(97, "pinctrl-rp1", 54)])
    with pytest.raises(PinError, match=r"/dev/gpiochip97 \(pinctrl-rp1\) cannot be opened: .*No such file"):
        open_factory("auto")


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(PinError, match="auto, gpiod, mock"):
        open_factory("rpigpio")


def test_a_contact_to_ground_is_active_when_low(board: Board) -> None:
    contact = board.pins.input(17)
    assert not contact.active
    board.drive(17, False)
    assert contact.active


def test_a_contact_to_3v3_is_active_when_high(board: Board) -> None:
    contact = board.pins.input(17, pull="down", active_low=False)
    assert not contact.active
    board.drive(17, True)
    assert contact.active


def test_both_edges_reach_the_watcher_with_their_times(board: Board) -> None:
    seen: queue.Queue[tuple[bool, float]] = queue.Queue()
    board.pins.input(17).watch(lambda active, at: seen.put((active, at)))
    began = time.monotonic()
    board.drive(17, False)
    pressed, pressed_at = seen.get(timeout=5)
    board.drive(17, True)
    released, released_at = seen.get(timeout=5)
    assert (pressed, released) == (True, False)
    assert began <= pressed_at <= released_at <= time.monotonic()


def test_a_watcher_that_fails_once_hears_the_next_edge(board: Board) -> None:
    seen: queue.Queue[bool] = queue.Queue()

    def fail_at_a_press(active: bool, at: float) -> None:
        seen.put(active)
        if active:
            raise ValueError("what a watcher should not do")

    board.pins.input(17).watch(fail_at_a_press)
    with suppress(ValueError):  # the mock calls its watcher at once
        board.drive(17, False)
    assert seen.get(timeout=5) is True
    board.drive(17, True)
    assert seen.get(timeout=5) is False


def test_an_edge_read_together_with_one_whose_watcher_fails_is_not_lost() -> None:
    board = BOARDS["memory"]()
    entered, go_on = threading.Event(), threading.Event()
    seen: queue.Queue[bool] = queue.Queue()

    def slow_and_failing(active: bool, at: float) -> None:
        entered.set()
        go_on.wait(5)
        seen.put(active)
        raise ValueError("what a watcher should not do")

    board.pins.input(17).watch(slow_and_failing)
    board.drive(17, False)
    assert entered.wait(5)
    board.drive(17, True)  # these two wait together
    board.drive(17, False)
    go_on.set()
    assert [seen.get(timeout=5) for _ in range(3)] == [True, False, True]
    board.pins.close()


def test_edges_of_a_closed_pin_reach_nobody(board: Board) -> None:
    closed: list[bool] = []
    seen: queue.Queue[bool] = queue.Queue()
    first = board.pins.input(17)
    first.watch(lambda active, at: closed.append(active))
    first.close()
    board.pins.input(17).watch(lambda active, at: seen.put(active))
    board.drive(17, False)
    assert seen.get(timeout=5)
    assert not closed


def test_a_simulated_press_needs_no_finger(board: Board) -> None:
    seen: queue.Queue[bool] = queue.Queue()
    contact = board.pins.input(17)
    contact.watch(lambda active, at: seen.put(active))
    contact.simulate(True)
    assert contact.active
    contact.simulate(False)
    assert not contact.active
    assert [seen.get(timeout=5), seen.get(timeout=5)] == [True, False]


def test_an_active_low_output_starts_high_and_never_dips(board: Board) -> None:
    board.pins.output(22, active_low=True)
    assert board.level(22)
    assert board.history(22)[-1:] != [False]


def test_an_active_low_output_of_the_new_pins_is_claimed_in_one_step() -> None:
    board = BOARDS["memory"]()
    board.pins.output(22, active_low=True).set(1.0)
    board.pins.close()
    assert board.history(22)[:3] == [True, False, True]


@pytest.mark.parametrize("active_low", [False, True])
def test_a_dimmed_output_takes_brightness_in_between(board: Board, active_low: bool) -> None:
    light = board.pins.output(27, dimmed=True, active_low=active_low)
    assert board.level(27) is active_low
    assert light.dimmable
    light.set(0.25)
    assert board.pins.raw(27).state == (0.75 if active_low else 0.25)
    light.set(1.0)
    assert board.level(27) is not active_low
    light.set(0.0)
    assert board.level(27) is active_low


def test_a_dimmed_output_is_off_once_it_is_closed(board: Board) -> None:
    light = board.pins.output(27, dimmed=True)
    light.set(1.0)
    assert board.level(27)
    light.set(0.5)
    board.pins.close()
    assert not board.level(27)


def test_a_plain_output_rounds_brightness(board: Board) -> None:
    light = board.pins.output(27)
    light.set(0.6)
    assert board.level(27)
    light.set(0.4)
    assert not board.level(27)


def test_a_pin_is_handed_out_once(board: Board) -> None:
    board.pins.input(17)
    with pytest.raises(PinError, match="GPIO17 is used twice"):
        board.pins.output(17)


def test_a_closed_pin_can_be_opened_as_something_else(board: Board) -> None:
    board.pins.input(17).close()
    assert board.pins.output(17, dimmed=True).dimmable


def test_a_pin_that_the_board_lacks_is_named(board: Board) -> None:
    with pytest.raises(PinError, match="GPIO53 cannot be used"):
        board.pins.input(53)


def test_a_fixed_pull_up_cannot_be_pulled_down(board: Board) -> None:
    with pytest.raises(PinError, match="GPIO2 cannot be used"):
        board.pins.input(2, pull="down")


def test_a_pin_that_another_program_holds_is_named(board: Board) -> None:
    if board.pins.virtual:
        pytest.skip("nobody else can hold a mock pin")
    other = SimulatedBoard().pins if board.pins.label != "memory" else Pins(_beside(board), "memory")
    other.output(27)
    with pytest.raises(PinError, match=r"GPIO27 cannot be used: .*busy"):
        board.pins.input(27)
    other.close()
    assert not board.pins.input(27).active


def test_a_board_can_be_opened_again_after_it_was_closed(board: Board) -> None:
    first = board.pins.output(27)
    first.set(1.0)
    board.pins.close()
    again = type(board)()
    again.pins.output(27).set(1.0)
    assert again.level(27)
    again.pins.close()


def test_closing_the_board_turns_its_outputs_off(board: Board) -> None:
    light = board.pins.output(27)
    light.set(1.0)
    assert board.level(27)
    board.pins.close()
    assert not board.level(27)
    assert board.history(27)[-2:] in ([True, False], [])


def _beside(board: Board) -> object:
    factory = board.pins._factory
    return type(factory)(factory.chip)
