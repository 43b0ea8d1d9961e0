"""What is recorded of the SDK 2.18: what its other recordings leave open."""

from __future__ import annotations

from tests.conformance.record.scenarios import (
    Step,
    accepted,
    act,
    bad_offer,
    blackhole,
    describe,
    dial,
    disturb,
    drop,
    expect,
    greet,
    hung_up,
    invite,
    microphone,
    ready,
    refused_hosts,
    send,
    setup,
    silent,
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
REFUSED = {"code": 31404, "message": "gone"}
HELLO = send("connected", edge="roaming", home="us1", token={"identity": "alice", "ttl": 3_000})
ASKED_FOR = [*TALK, silent(True), drop(), expect("listen"), HELLO, expect("invite")]


def _refused(code: int) -> Step:
    return send("error", error={"code": code, "message": f"m{code}"})


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
    "errors_precise": [ready(enableImprovedSignalingErrorPrecision=True), *map(_refused, (31202, 31404, 31207)),
                       *hung_up({"code": 31486, "message": "m"})],
    "out_hangup_class": [ready(), *hung_up({"code": 31201, "message": "m"})],
    "in_bad_offer": [ready(), bad_offer, wait(2_500), act("call.accept"), wait(900), *END],
    "in_connect_while_accepting": [ready(), invite("CAa"), microphone(delay_ms=1_200), act("call.accept"), wait(300),
                                   act("device.connect", TO_X), wait(2_500), act("device.disconnectAll"), wait(600)],
    "out_lossy": [ready(), talk(), wait(5_000), disturb(loss=0.2), wait(9_000), disturb(), wait(12_000), *END],
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
    # what is asked for while the service is not there
    "call_ended_before_it_was_made": [setup(), act("device.connect", TO_X), act("device.disconnectAll"), wait(1_500)],
    "destroy_before_the_service_is_there": [setup(), act("device.register"), act("device.destroy"), wait(900)],
    "destroy_twice": [ready(), act("device.destroy"), wait(300), act("device.destroy"), act("device.register"),
                      act("device.connect", TO_X), act("device.unregister"), token(), wait(500)],
    "register_while_the_socket_is_down": [ready(), *DOWN, act("device.unregister"), wait(200), act("device.register"),
                                          wait(300), upgrades("accept"), wait(2_500)],
    "socket_lost_before_connected": [silent(True), setup(), act("device.register"), expect("listen"), drop(),
                                     silent(False), expect("register"), wait(500)],
    "token_refused_at_listen": [silent(True), setup(), act("device.register"), expect("listen"),
                                send("error", error={"code": 31204, "message": "invalid"}), wait(300), drop(1000),
                                silent(False), expect("register"), wait(500)],
    "token_replaced_before_its_end": [greet(token={"identity": "bob", "ttl": 13}), ready(), wait(5_000), token(),
                                      wait(5_500)],
    # calls that are asked for
    "asked_for_and_refused_by_an_error": [*ASKED_FOR, send("error", callsid="CA1", error=REFUSED), wait(1_500), *END],
    "asked_for_and_refused_by_a_hangup": [*ASKED_FOR, send("hangup", callsid="CA1", error=REFUSED), wait(700)],
    "asked_for_and_lost_again": [*ASKED_FOR, drop(), silent(False), expect("listen"), wait(1_500), *END],
    "media_and_socket_lost": [*TALK, wait(4_000), blackhole(True), upgrades("refuse"), drop(), wait(9_000),
                              upgrades("accept"), expect("listen"), blackhole(False), wait(1_000), describe("answer"),
                              wait(3_000), *END],
    "edges_in_call": [setup(edge=["ashburn", "dublin"]), greet(edge="dublin"), act("device.register"),
                      expect("register"), wait(300), talk(reconnect="RT1"), upgrades("refuse"), drop(), wait(3_000),
                      *BACK, *END],
    "edges_of_which_the_first_refuses": [refused_hosts("voice-js.ashburn.twilio.com"),
                                         setup(edge=["ashburn", "dublin", "frankfurt"]), act("device.register"),
                                         expect("register", 60), wait(500), drop(), wait(2_500)],
    "incoming_loses_its_socket_while_the_microphone_opens": [
        ready(), invite("CAa", reconnect="RTa"), microphone(delay_ms=2_000), act("call.accept"), wait(300), drop(),
        wait(4_000), *END],
    "pending_loses_its_socket_for_long": [ready(), invite("CAa"), *DOWN, act("call.accept"), wait(300), *BACK],
    "pending_at_the_close": [ready(), invite("CAa"), send("close"), wait(800), act("call.accept"), wait(800)],
    "two_calls_lose_their_socket": [ready(allowIncomingWhileBusy=True), talk(reconnect="RT1"),
                                    invite("CAb", reconnect="RT2"), drop(), wait(2_500), act("call1.disconnect"),
                                    wait(400)],
    "recovery_without_an_answer": [ready(), talk(), wait(5_000), blackhole(True), expect("reinvite"), wait(3_000),
                                   blackhole(False), wait(3_000), *END],
    "messages_that_nobody_waits_for": [
        *TALK, act("call.sendMessage", {"content": {"a": 1}}), send("ack", acktype="message", callsid="CA1",
        voiceeventsid="KXno"), send("error", callsid="CA1", error=REFUSED, voiceeventsid="KXno"), wait(300),
        send("message", callsid="CAno", content="x", messagetype="m"), send("message", callsid="CA1"), wait(300), *END,
        act("call.sendMessage", MESSAGE), wait(300)],
}  # fmt: skip
