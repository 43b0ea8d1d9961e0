"""What the box does about calls by itself."""

import pytest

from agent.config.settings import AnsweringSettings
from agent.kiosk.answering import Verdict, limit_s, verdict


def decide(settings: AnsweringSettings, caller: str = "client:stranger", *, busy: bool = False,
           do_not_disturb: bool = False) -> Verdict:  # fmt: skip
    return verdict(settings, caller, busy=busy, do_not_disturb=do_not_disturb)


def test_a_call_rings_by_default() -> None:
    assert decide(AnsweringSettings()) is Verdict.RING


@pytest.mark.parametrize(
    ("caller", "decided"),
    [
        ("client:reception", Verdict.ANSWER),
        ("+493012345", Verdict.ANSWER),
        ("client:stranger", Verdict.RING),
        ("client:reception2", Verdict.RING),
        ("+33112345", Verdict.RING),
    ],
)
def test_only_callers_on_the_list_are_answered_without_a_button(caller: str, decided: Verdict) -> None:
    settings = AnsweringSettings(auto_answer=("client:reception", "+4930*"))

    assert decide(settings, caller) is decided


def test_a_star_answers_everybody() -> None:
    assert decide(AnsweringSettings(auto_answer=("*",)), "+15550100") is Verdict.ANSWER


@pytest.mark.parametrize(
    ("policy", "decided"), [("ignore", Verdict.IGNORE), ("reject", Verdict.REJECT), ("ring", Verdict.RING)]
)
def test_a_second_call_is_treated_as_the_settings_say(policy: str, decided: Verdict) -> None:
    assert decide(AnsweringSettings(busy_calls=policy), busy=True) is decided


def test_a_second_call_never_answers_itself() -> None:
    assert decide(AnsweringSettings(auto_answer=("*",), busy_calls="ring"), busy=True) is Verdict.RING


@pytest.mark.parametrize(("policy", "decided"), [("ignore", Verdict.IGNORE), ("reject", Verdict.REJECT)])
def test_in_do_not_disturb_not_even_a_listed_caller_rings(policy: str, decided: Verdict) -> None:
    settings = AnsweringSettings(auto_answer=("*",), disturbing_calls=policy)

    assert decide(settings, do_not_disturb=True) is decided


def test_zero_seconds_is_no_limit() -> None:
    assert limit_s(0) is None
    assert limit_s(20) == 20
