"""What the lights are told about the box."""

from agent.kiosk.situation import Situation


def test_a_box_that_starts_shows_only_that() -> None:
    assert Situation().light_states() == {"booting"}


def test_a_registered_box_is_ready_and_an_unregistered_one_offline() -> None:
    up = Situation(booting=False, registered=True)

    assert up.light_states() == {"ready"}
    assert up.with_(registered=False).light_states() == {"offline"}


def test_a_call_that_is_being_saved_is_still_a_call() -> None:
    saving = Situation(booting=False, registered=True, phase="reconnecting")

    assert saving.light_states() == {"ready", "reconnecting", "in_call"}


def test_muted_shows_only_during_a_call() -> None:
    muted = Situation(booting=False, registered=True, muted=True)

    assert "muted" not in muted.light_states()
    assert "muted" in muted.with_(phase="in_call").light_states()


def test_each_trouble_has_a_state_of_its_own() -> None:
    trouble = Situation(booting=False, sound_ok=False, error="no token", door_open=True, do_not_disturb=True)

    assert trouble.light_states() == {"offline", "no_sound", "error", "door_open", "do_not_disturb"}
