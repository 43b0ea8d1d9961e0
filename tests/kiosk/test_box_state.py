"""What the lights are told about the box."""

from agent.kiosk.box_state import Situation

UP = Situation(booting=False, registered=True)


def test_a_box_that_starts_shows_only_that() -> None:
    assert Situation().light_states() == {"booting"}


def test_a_registered_box_is_ready_and_an_unregistered_one_offline() -> None:
    assert UP.light_states() == {"ready"}
    assert UP.with_(registered=False).light_states() == {"offline"}


def test_a_call_that_is_being_saved_is_still_a_call() -> None:
    assert UP.with_(phase="reconnecting").light_states() == {"ready", "reconnecting", "in_call"}


def test_a_second_call_rings_beside_the_first() -> None:
    assert UP.with_(phase="in_call", ringing=True).light_states() == {"ready", "in_call", "ringing"}


def test_muted_shows_only_during_a_call() -> None:
    muted = UP.with_(muted=True)

    assert "muted" not in muted.light_states()
    assert "muted" in muted.with_(phase="in_call").light_states()


def test_each_trouble_has_a_state_of_its_own() -> None:
    trouble = Situation(booting=False, sound_ok=False, door_open=True, do_not_disturb=True)

    assert trouble.light_states() == {"offline", "no_sound", "door_open", "do_not_disturb"}


def test_the_error_light_is_on_until_the_last_trouble_is_over() -> None:
    two = UP.with_trouble("token", "refused").with_trouble("page", "its port is taken")

    assert "error" in two.light_states()
    assert "error" in two.with_trouble("token", "").light_states()
    assert "error" not in two.with_trouble("token", "").with_trouble("page", "").light_states()


def test_a_trouble_says_the_latest_reason() -> None:
    assert UP.with_trouble("token", "expired").with_trouble("token", "refused").troubles == {"token": "refused"}
