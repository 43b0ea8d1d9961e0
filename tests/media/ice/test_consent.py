"""When a silent path counts as disconnected and failed, and when consent is asked for."""

import pytest

from agent.media.ice.consent import ConsentTerms, consent_due

LIMITS = ConsentTerms(3.0, 12.0)


@pytest.mark.parametrize(
    "heard_s, answered_s, state",
    [
        (0.0, 0.0, "connected"),
        (2.9, 2.9, "connected"),
        (3.0, 3.0, "disconnected"),
        (14.9, 14.9, "disconnected"),
        (15.0, 15.0, "failed"),
        (0.0, 7.9, "connected"),
        (0.0, 8.0, "disconnected"),
        (0.0, 20.0, "failed"),
    ],
)
def test_state_follows_the_longer_silence(heard_s, answered_s, state):
    assert LIMITS.state(heard_s, answered_s) == state


def test_consent_is_asked_for_more_often_while_nothing_is_heard():
    assert not consent_due(1.0, 0.0) and consent_due(2.5, 0.0)
    assert consent_due(0.3, 0.4) and not consent_due(0.2, 0.4)
