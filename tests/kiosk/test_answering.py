"""What the box does about calls by itself."""

import pytest

from agent.config.settings import AnsweringSettings
from agent.kiosk.answering import CallDecision, decide, limit_s


def decided_on(settings: AnsweringSettings, caller: str = "client:stranger", *, busy: bool = False,
           do_not_disturb: bool = False) -> CallDecision:  # fmt: skip
    return decide(settings, caller, busy=busy, do_not_disturb=do_not_disturb)


def test_a_call_rings_by_default() -> None:
    assert decided_on(AnsweringSettings()) is CallDecision.RING


@pytest.mark.parametrize(
    ("caller", "decided"),
    [
        ("client:reception", CallDecision.ANSWER),
        ("+493012345", CallDecision.ANSWER),
        ("client:stranger", CallDecision.RING),
        ("client:reception2", CallDecision.RING),
        ("+33112345", CallDecision.RING),
    ],
)
def test_only_callers_on_the_list_are_answered_without_a_button(caller: str, decided: CallDecision) -> None:
    settings = AnsweringSettings(auto_answer=("client:reception", "+4930*"))

    assert decided_on(settings, caller) is decided


def test_a_star_answers_everybody() -> None:
    assert decided_on(AnsweringSettings(auto_answer=("*",)), "+15550100") is CallDecision.ANSWER


@pytest.mark.parametrize(
    ("policy", "decided"),
    [("ignore", CallDecision.IGNORE), ("reject", CallDecision.REJECT), ("ring", CallDecision.RING)],
)
def test_a_second_call_is_treated_as_the_settings_say(policy: str, decided: CallDecision) -> None:
    assert decided_on(AnsweringSettings(busy_calls=policy), busy=True) is decided


def test_a_second_call_never_answers_itself() -> None:
    assert decided_on(AnsweringSettings(auto_answer=("*",), busy_calls="ring"), busy=True) is CallDecision.RING


@pytest.mark.parametrize(("policy", "decided"), [("ignore", CallDecision.IGNORE), ("reject", CallDecision.REJECT)])
def test_in_do_not_disturb_not_even_a_listed_caller_rings(policy: str, decided: CallDecision) -> None:
    settings = AnsweringSettings(auto_answer=("*",), disturbing_calls=policy)

    assert decided_on(settings, do_not_disturb=True) is decided


def test_zero_seconds_is_no_limit() -> None:
    assert limit_s(0) is None
    assert limit_s(20) == 20
