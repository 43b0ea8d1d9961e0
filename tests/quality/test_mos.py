"""Scores computed by the reference (spec: oracle 1; quality 5)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.quality.mos import later_mos, mos

EXACT = [
    (0, 0, 0, 4.433327950361177),
    (5, 0, 0, 4.431175247664802),
    (77, 0, 0, 4.397229249317001),
    (81, 3, 0, 4.392086434536752),
    (86, 3, 0, 4.389476585990376),
    (100, 3, 0, 4.382033515811775),
    (149, 0, 0, 4.357940795529201),
    (149.9, 0, 0, 4.3574169219470065),
    (150, 0, 0, 4.357358664626177),
    (151, 0, 0, 4.355020320976576),
    (200, 10, 0, 4.158105136754177),
    (200, 10, 1, 4.071015747514176),
    (300, 10, 0, 3.7683754797941766),
    (300, 20, 2, 3.4419994879221765),
    (400, 30, 3, 2.6943484043301766),
    (400, 30, 5, 2.4322352058501764),
    (400, 30, 38, 2.5890748929381764),
    (500, 50, 10, 1.2749889059061759),
    (600, 0, 0, 2.3546042483061767),
    (700, 0, 0, 1.862177311346176),
    (700, 0, 20, 1.6410042428661762),
    (800, 0, 0, 1.4435247743861763),
    (900, 0, 0, 1.1406466374261761),
    (900, 0, 5, None),
    (900, 0, 6, None),
    (900, 0, 7, 1.102676659583176),
    (900, 0, 10, 1.087938728186176),
    (989, 0, 0, 1.002486037651776),
    (989.9, 0, 0, 1.001828507919336),
    (990, 0, 0, 4.190740694450176),
    (990, 0, 50, 3.701487198250176),
    (1000, 0, 0, 4.187535857200576),
    (1500, 20, 0, 3.9960330841221765),
    (2000, 0, 0, 3.8075906042405765),
    (3000, 0, 0, 3.3380397512805766),
    (9000, 0, 0, None),
    (10000, 0, 0, 1.0702269805605757),
    (0, 0, 1, 4.385247784871176),
    (0, 0, 2.5, 4.294292505386176),
    (0, 0, 37, None),
    (0, 0, 38, 4.198694934499176),
    (0, 0, 99.99, 3.5744317496398192),
    (0, 0, 100, 4.415356451165176),
    (100, 0, 150, 4.3514834175771755),
    (100, 5, 20, 2.151468545522176),
    (100, 5, 35, None),
    (100, 5, 36, None),
    (100, 5, 38, 4.106768195210177),
    (100, 5, 50, 3.9960330841221765),
    (100, 5, 99, 3.4542175049711763),
    (100, 5, 100, 4.357358664626177),
    (150, 0, 37, 4.080065492813176),
]


@pytest.mark.parametrize(("rtt_ms", "jitter_ms", "loss_percent", "expected"), EXACT)
def test_the_score_is_the_reference_s_to_the_last_bit(rtt_ms, jitter_ms, loss_percent, expected):
    assert mos(rtt_ms, jitter_ms, loss_percent) == expected


@pytest.mark.parametrize(
    "inputs",
    [
        (None, None, None),
        (None, None, 1),
        (1, 1, None),
        (1, None, None),
        (None, 1, None),
        (1, None, 1),
        (None, 1, 1),
        (1, -1, 1),
        (-1, 1, 1),
        (1, 1, -1),
        (math.nan, 1, 1),
        (math.inf, 1, 1),
        ("1", 1, 1),
        (True, 1, 1),
    ],
)
def test_without_three_measures_there_is_no_score(inputs):
    assert mos(*inputs) is None


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.floats(0, 200))
def test_a_score_is_between_1_and_4_6(rtt_ms, jitter_ms, loss_percent):
    score = mos(rtt_ms, jitter_ms, loss_percent)
    assert score is None or 1.0 <= score < 4.6


@pytest.mark.parametrize(("rtt", "jitter", "loss"), [(0, 0, 0), (149, 42, 0), (504, 26, 0), (325.531, 94, 14.2857)])
def test_while_a_call_is_fair_both_generations_agree(rtt: float, jitter: float, loss: float) -> None:
    assert later_mos(rtt, jitter, loss) == mos(rtt, jitter, loss)


@pytest.mark.parametrize(("rtt", "jitter", "loss"), [(325.5, 95, 25), (325.5, 66, 33.3), (990, 0, 0.1), (1_000, 0, 0)])
def test_a_hopeless_call_has_one_in_the_second_generation(rtt: float, jitter: float, loss: float) -> None:
    assert later_mos(rtt, jitter, loss) == pytest.approx(1, abs=1e-4)


@given(st.integers(0, 2_999), st.integers(0, 1_499), st.integers(0, 99))
def test_in_the_second_generation_a_worse_call_never_has_a_better_score(rtt: int, jitter: int, loss: int) -> None:
    score = later_mos(rtt, jitter, loss)

    assert score is not None and 1 <= score <= 4.5
    for worse in ((rtt + 1, jitter, loss), (rtt, jitter + 1, loss), (rtt, jitter, loss + 1)):
        assert later_mos(*worse) <= score  # type: ignore[operator]


@pytest.mark.parametrize("inputs", [(None, 0, 0), (0, -1, 0), (0, 0, "1"), (math.nan, 0, 0), (0, True, 0)])
def test_what_is_no_figure_has_no_score_there_either(inputs: tuple[object, object, object]) -> None:
    assert later_mos(*inputs) is None
