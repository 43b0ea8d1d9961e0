"""When the box answers and ends calls by itself."""

from agent.kiosk.answering import AnsweringSettings, answers_by_itself, ring_limit_s, talk_limit_s


def test_nobody_is_answered_without_a_button_by_default() -> None:
    assert not answers_by_itself(AnsweringSettings(), "client:reception")


def test_only_callers_on_the_list_are_answered() -> None:
    settings = AnsweringSettings(auto_answer=("client:reception",))

    assert answers_by_itself(settings, "client:reception")
    assert not answers_by_itself(settings, "client:stranger")


def test_a_star_answers_everybody() -> None:
    assert answers_by_itself(AnsweringSettings(auto_answer=("*",)), "+15550100")


def test_zero_seconds_is_no_limit() -> None:
    settings = AnsweringSettings(max_ring_s=0, max_talk_s=0)

    assert ring_limit_s(settings) is None
    assert talk_limit_s(settings) is None
    assert ring_limit_s(AnsweringSettings(max_ring_s=20)) == 20
