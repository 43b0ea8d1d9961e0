"""What is recorded of the SDK 2.18: what its other recordings leave open."""

from __future__ import annotations

from tests.conformance.record.scenarios import (
    accepted,
    act,
    describe,
    dial,
    drop,
    expect,
    invite,
    microphone,
    ready,
    send,
    setup,
    talk,
    token,
    upgrades,
    wait,
)

TALK = [ready(), talk(reconnect="RT1")]
END = [act("call.disconnect"), wait(400)]
DOWN = [upgrades("refuse"), drop(), wait(600)]
BACK = [upgrades("accept"), expect("listen"), wait(900)]
TO_X = {"params": {"To": "x"}}
MESSAGE = {"content": "x", "messageType": "m"}
RINGING = send("ringing", callsid="CA1")

SCENARIOS = {
    "call_opens_the_socket": [setup(), dial(), RINGING, describe("answer"), wait(700), *END],
    "call_while_the_socket_is_down": [ready(), *DOWN, act("device.connect", TO_X), wait(900), *BACK],
    "call_while_offline": [ready(), send("offline"), wait(300), dial(), RINGING, describe("answer"), wait(600), *END],
    "capture_denied": [ready(), microphone("NotAllowedError"), act("device.connect", TO_X), wait(700)],
    "destroy_in_call": [*TALK, act("device.destroy"), wait(500)],
    "destroy_pending": [ready(), invite("CA2"), act("device.destroy"), wait(500)],
    "gone_for_too_long": [ready(maxCallSignalingTimeoutMs=2_000), talk(reconnect="RT1"), *DOWN, wait(6_000), *BACK,
                          *END],
    "hangup_while_the_socket_is_down": [*TALK, *DOWN, act("call.disconnect"), wait(300), *BACK],
    "incoming_comes_back": [ready(), invite("CA2", reconnect="RTa"), accepted(), drop(), wait(2_500), *END],
    "message_refused": [*TALK, act("call.sendMessage", MESSAGE), wait(300),
                        send("error", callsid="CA1", error={"code": 31209, "message": "rate"}), wait(300),
                        act("call.sendMessage", {"content": 1, "messageType": ""}), *END],
    "early_media": [ready(), dial(), describe("ringing"), wait(600), send("answer", callsid="CA1"), wait(600), *END],
    "pending_with_token_loses_its_socket": [ready(), invite("CA2", reconnect="RTa"), drop(), wait(2_500),
                                            act("call.accept"), wait(500)],
    "register_twice": [ready(), act("device.register"), wait(300), act("device.unregister"), wait(300),
                       act("device.unregister"), wait(300)],
    "server_close_then_token": [ready(), send("close"), wait(400), token(), wait(600), act("device.register"),
                                wait(1_200)],
    "socket_lost_dialling": [ready(), dial(), RINGING, wait(300), drop(), wait(2_500)],
    "token_update_asks_for_the_call": [*TALK, token(), wait(900), *END],
    "two_losses": [*TALK, drop(), wait(2_500), drop(), wait(2_500), *END],
    "unregister_then_loss": [ready(), act("device.unregister"), wait(500), drop(), wait(2_500)],
}  # fmt: skip
