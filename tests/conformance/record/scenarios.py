"""What is recorded: each scenario is a list of steps in the words of record.Story."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conformance.record.record import Story

Step = Callable[["Story"], Awaitable[Any]]


def _word(name: str) -> Callable[..., Step]:
    return lambda *args, **kwargs: lambda story: getattr(story, name)(*args, **kwargs)


act, setup, ready, token, microphone = map(_word, ("act", "setup", "ready", "update_token", "microphone"))
send, say, invite, describe, dial, talk = map(_word, ("send", "say", "invite", "describe", "dial", "talk"))
accepted, drop, upgrades, silent, blackhole = map(_word, ("accepted", "drop", "upgrades", "silent", "blackhole"))
wait, expect, hang_up_temporary, disturb = map(_word, ("wait", "expect", "hang_up_temporary", "disturb"))
greet, refused_hosts = map(_word, ("greet", "refused_hosts"))

AB = ("CAa", "CAb")
REFUSED = {"code": 31404, "message": "gone"}
end = [act("connection.disconnect"), wait(300)]
down = [upgrades("refuse"), drop(), wait(600)]  # between the second try to connect and the third
back = [wait(400), upgrades("accept"), expect("register"), wait(500)]
no_path = [wait(5_000), blackhole(True)]
bad_offer = send("invite", callsid="CAa", sdp="v=0\r\nbad", parameters={"CallSid": "CAa", "From": "+1555"})
recovering = [ready(enableIceRestart=True), talk(), *no_path, expect("reinvite")]

def hung_up(error: object) -> list[Step]:
    """A call that rings and is ended by the server, which names all of them alike."""
    return [dial(), send("ringing", callsid="CA1"), wait(150), send("hangup", callsid="CA1", error=error), wait(2_000)]


_INCOMING = {
    "in_remote_hangup": [ready(), invite("CAa"), accepted(), send("hangup"), wait(500)],
    "in_two_pending": [ready(), *map(invite, AB), accepted("connection2.accept"), act("connection1.reject"), wait(300),
                       act("connection2.disconnect"), wait(300)],
    "in_both_accepted": [ready(), *map(invite, AB), act("connection1.accept"), wait(900),
                         accepted("connection2.accept"), act("device.disconnectAll"), wait(400)],
    "in_one_cancelled_one_ignored": [ready(), *map(invite, AB), send("cancel", callsid="CAa"), wait(300),
                                     act("connection2.ignore"), wait(500)],
    "in_invited_twice": [ready(), invite("CAa"), invite("CAa"), accepted("connection2.accept"),
                         act("connection2.disconnect"), wait(300)],
    "in_lost_and_invited_again": [ready(), invite("CAa"), drop(1001), expect("register"), wait(300), invite("CAa"),
                                  accepted("connection2.accept"), act("connection2.disconnect"), wait(300)],
    "in_malformed": [ready(), send("invite", callsid="CAa", parameters={}), send("invite", sdp="v=0"), wait(400)],
    "in_hangup_while_pending": [ready(), invite("CAa"), send("hangup", callsid="CAa"), send("hangup"), wait(300),
                                send("cancel", callsid="CAa"), wait(500)],
    "in_cancel_open": [ready(), invite("CAa"), accepted(), send("cancel", callsid="CAx"), wait(200),
                       send("cancel", callsid="CAa"), wait(500)],
    "in_cancel_while_microphone_opens": [ready(), invite("CAa"), microphone(delay_ms=1_500), act("connection.accept"),
                                         wait(400), send("cancel", callsid="CAa"), wait(2_000)],
    "in_cancel_while_the_ring_loads": [ready(), send("invite", callsid="CAa", sdp="v=0", parameters={"CallSid": "CAa"}),
                                       send("cancel", callsid="CAa"), wait(3_000)],
    "in_reject_then_cancel": [ready(), invite("CAa"), act("connection.reject"), wait(300),
                              send("cancel", callsid="CAa"), wait(500)],
    "in_ringing_while_pending": [ready(), invite("CAa"), send("ringing", callsid="CAlate"), wait(300),
                                 act("connection.reject"), wait(300)],
    "in_constraints": [ready(), invite("CAa"), act("connection.accept", {"echoCancellation": False}),
                       expect("answer"), wait(600), send("hangup", callsid="CAa"), wait(400)],
    "in_parameters": [ready(), invite("CAa", StirStatus="TN-Validation-Passed-A", Params="a=%E6%88%91&b=c+d"),
                      act("connection.ignore"), wait(300)],
    "in_muted_before": [ready(), invite("CAa"), act("connection.mute", True), accepted(), *end],
    "in_no_operations": [ready(), invite("CAa"), act("connection.disconnect"), accepted(),
                         *(act(f"connection.{name}") for name in ("reject", "ignore", "accept", "disconnect")),
                         act("connection.disconnect"), act("connection.mute", True), wait(400)],
    "in_deprecated": [ready(), invite("CAa"), act("connection.cancel"), wait(300), invite("CAb"), accepted(),
                      act("connection.mute", True), act("connection.unmute"), *end],
    "in_microphone_denied": [ready(), invite("CAa"), microphone("NotAllowedError"), act("connection.accept"),
                             wait(700)],
    "in_microphone_denied_after_cancel": [ready(), invite("CAa"), microphone("NotAllowedError", 1_200),
                                          act("connection.accept"), wait(300), send("cancel", callsid="CAa"),
                                          wait(1_800)],
    "in_bad_offer": [ready(), bad_offer, wait(2_500), act("connection.accept"), wait(900), *end],
    "in_connect_while_accepting": [ready(), invite("CAa"), microphone(delay_ms=1_200), act("connection.accept"),
                                   wait(300), act("device.connect", {"To": "x"}), expect("answer"), wait(600),
                                   act("connection1.disconnect"), wait(300), act("connection2.disconnect"), wait(500)],
    "in_sounds_off": [ready(), act("device.sounds.incoming", False), act("device.audio.outgoing", False),
                      act("device.audio.disconnect"), invite("CAa"), accepted(), *end],
}  # fmt: skip

_BUSY = {
    "busy_accept": [ready(allowIncomingWhileBusy=True), talk(), invite("CAb"), accepted("connection2.accept"),
                    act("connection2.disconnect"), wait(300)],
    "busy_reject": [ready(allowIncomingWhileBusy=True), talk(), invite("CAb"), act("connection2.reject"), wait(500),
                    act("connection1.disconnect"), wait(300)],
    "busy_accept_while_dialling": [ready(allowIncomingWhileBusy=True), dial(), invite("CAb"),
                                   accepted("connection2.accept"), act("connection2.disconnect"), wait(300)],
    "busy_connect": [ready(), talk(), act("device.connect", {"To": "y"}), wait(300), act("connection1.disconnect"),
                     wait(300)],
    "busy_disconnect_all": [ready(allowIncomingWhileBusy=True), talk(), invite("CAb"), act("device.disconnectAll"),
                            wait(500), accepted("connection2.accept"), act("device.disconnectAll"), wait(400)],
    "busy_connect_while_pending": [ready(), *map(invite, AB), talk(), act("connection3.disconnect"), wait(300)],
}  # fmt: skip

_NAMES = {"": "e", "a": "", "list": [1, 2], "o": {"x": 1}, "big": "x" * 3_000, "nl": "a\nb\t\"'", "emoji": "\U0001f600",
          "pct": "%20+&=?#/", "neg": -1, "ex": 1e21, "sm": 1e-7, "fl": 0.1, "false": False}  # fmt: skip

_OUTGOING = {
    "out_early_then_plain_answers": [ready(enableRingingState=True), dial(), send("ringing", callsid="CA1"), wait(300),
                                     describe("ringing"), send("answer", callsid="CA1"), wait(500),
                                     send("answer", callsid="CA1"), wait(300), *end],
    "out_answer_before_its_description": [ready(), dial(), send("answer", callsid="CA1"), wait(300),
                                          describe("answer"), *end],
    "out_without_a_sid": [ready(enableRingingState=True), dial(), send("ringing"), wait(300), describe("answer", None),
                          *end],
    "out_disconnect_ringing": [ready(enableRingingState=True), dial(), send("ringing", callsid="CA1"), wait(500), *end,
                               send("answer", callsid="CA1"), send("hangup", callsid="CA1"), wait(400)],
    "out_ringing_too_late": [ready(), talk(), send("ringing", callsid="CAlate"), wait(300), *end],
    "out_bad_answer": [ready(), dial(), send("answer", callsid="CA1", sdp="v=0\r\nbad"), wait(800), *end],
    "out_hangup_while_microphone_opens": [ready(), microphone(delay_ms=1_200), act("device.connect", {"To": "x"}),
                                          wait(300), send("hangup"), expect("invite"), wait(300), *end],
    "out_hangup_by_temporary_sid": [ready(), hang_up_temporary()],
    "out_hangup_after_ours": [ready(), talk(), act("connection.disconnect"), send("hangup", callsid="CA1"),
                              send("cancel", callsid="CA1"), wait(400)],
    "out_refused_then_again": [ready(), dial(), send("hangup", callsid="CAx", error=REFUSED),
                               send("hangup", error=REFUSED), wait(400), talk(),
                               act("connection2.disconnect"), wait(300)],
    "out_microphone_denied": [ready(), microphone("NotAllowedError"), act("device.connect", {"To": "x"}), wait(700)],
    "out_microphone_broken": [ready(), microphone("NotFoundError"), act("device.connect", {"To": "x"}), wait(700)],
    "out_parameters": [ready(), act("device.connect", {"To": "a b+c", "9": "nine", "1": "one", "n": None, "t": True,
                                                       "u": "我!*()'~", "f": 1.5}), expect("invite"), wait(200), *end],
    "out_parameters_odd": [ready(), act("device.connect", _NAMES), expect("invite"), wait(200), *end],
    "out_cancel_no_sid": [ready(), dial(), send("cancel"), wait(500), *end],
    "out_bad_early_media": [ready(enableRingingState=True), dial(), send("ringing", callsid="CA1", sdp="v=0\r\nbad"),
                            wait(600), *end],
    "out_hangup_reasons": [ready(), *hung_up({}), *hung_up("text")],
    "out_lossy": [ready(), talk(), wait(5_000), disturb(loss=0.2), wait(9_000), disturb(), wait(12_000), *end],
    "out_not_published": [ready(publishEvents=False), talk(), act("connection.postFeedback", 3), wait(200), *end],
    "out_mute_variants": [ready(), talk(), act("connection.mute"), act("connection.mute", False),
                          act("connection.mute", False), act("connection.isMuted"), act("connection.mute", True), *end],
    "out_digits_variants": [ready(), talk(), act("connection.sendDigits", "123w456w#*"),
                            act("connection.sendDigits", "A"), act("connection.sendDigits", ""), wait(300), *end,
                            act("connection.sendDigits", "1"), wait(300)],
    "out_digits_by_message": [ready(), dial(), describe("answer", digits=False), act("connection.sendDigits", "1w2#"),
                              wait(600), *end],
}  # fmt: skip

_DEVICE = {
    "device_not_set_up": [act("device.status"), act("device.connect", {}), act("device.region"),
                          act("device.activeConnection"), act("device.registerPresence"),
                          act("device.updateToken", "x"), act("device.destroy"), wait(300)],
    "device_setup_twice": [ready(), setup(allowIncomingWhileBusy=True, enableRingingState=True), wait(500), talk(),
                           *end],
    "device_no_register": [setup(noRegister=True), expect("register"), wait(300), act("device.registerPresence"),
                           wait(300), act("device.unregisterPresence"), wait(300)],
    "device_queries": [ready(), act("device.activeConnection"), act("device.region"), act("device.status"),
                       invite("CAa"), act("device.activeConnection"), act("connection.status"),
                       act("connection.getLocalStream"), act("connection.getRemoteStream"),
                       act("connection.sendDigits", "1"), act("connection.reject"), wait(300)],
    "device_destroy_in_call": [ready(), talk(), act("device.destroy"), wait(600)],
    "device_destroy_pending": [ready(), invite("CAa"), act("device.destroy"), wait(600)],
    "device_destroy_twice": [ready(), act("device.destroy"), wait(200), act("device.destroy"), act("device.status"),
                             act("device.connect", {}), act("device.registerPresence"), wait(300)],
    "device_token_after_destroy": [ready(), act("device.destroy"), wait(300), token(), expect("listen"), wait(600)],
    "device_expired_in_call": [ready(), talk(), send("error", error={"code": 31205, "message": "expired"}), wait(500),
                               token(), expect("listen"), wait(600), *end],
}  # fmt: skip

_SERVER = {
    "server_junk": [ready(), send("roster", a=1), say('{"version":"1.5"}'), say('{"type":"answer"}'),
                    say('{"type":"ringing","payload":{"callsid":"CAq"}}'), send("cancel"), wait(500)],
    "server_invite_open_call": [ready(allowIncomingWhileBusy=True), talk(), invite("CA1"), wait(200),
                                act("connection1.disconnect"), wait(300)],
    "server_offline": [ready(), send("offline"), wait(500), send("ready"), wait(500)],
    "server_connected_again": [ready(), send("connected", region="EU_IRELAND"), expect("register"), wait(400),
                               act("device.region"), send("connected"), expect("register"), wait(300)],
    "server_errors_about_calls": [ready(), invite("CAa"), send("error", callsid="CAa", error=REFUSED),
                                  send("error", callsid="CAx", error=REFUSED), send("error"),
                                  wait(200), act("connection.reject"), wait(300)],
    "server_error_about_an_open_call": [ready(), talk(), send("error", callsid="CA1", error=REFUSED), wait(500), *end],
    "server_close_then_token": [ready(), send("close"), wait(400), act("device.connect", {"To": "x"}), wait(200),
                                act("device.unregisterPresence"), wait(200), token(), expect("listen"), wait(600)],
    "server_close_in_call": [ready(), talk(), send("close"), wait(500), *end],
}  # fmt: skip

_SOCKET = {
    "socket_refused_at_start": [upgrades("refuse"), setup(), wait(1_500), *back],
    "socket_silent_at_start": [upgrades("silence"), setup(), wait(5_600), *back],
    "socket_lost_at_listen": [silent(True), setup(), expect("listen"), drop(), silent(False), expect("register"),
                              wait(500)],
    "socket_lost_dialling": [ready(), dial(), drop(), expect("register"), wait(400), describe("answer"), wait(600),
                             *end],
    "socket_down_hangup": [ready(), talk(), *down, act("connection.disconnect"), *back],
    "socket_down_accept": [ready(), invite("CAa"), *down, act("connection.accept"), *back],
    "socket_down_reject": [ready(), invite("CAa"), *down, act("connection.reject"), *back],
    "socket_down_connect": [ready(), *down, act("device.connect", {"To": "x"}), *back],
    "socket_down_digits": [ready(), dial(), describe("answer", digits=False), *down,
                           act("connection.sendDigits", "12"), *back, *end],
    "socket_down_token": [ready(), upgrades("refuse"), drop(1011), wait(300), token(), *back],
    "socket_down_presence": [ready(), upgrades("refuse"), drop(4000), wait(300), act("device.unregisterPresence"),
                             act("device.registerPresence"), *back],
}  # fmt: skip

_RECOVERY = {
    "recovery_unanswered": [*recovering, wait(3_000), blackhole(False), wait(3_000), *end],
    "recovery_hangup": [*recovering, wait(500), send("hangup", callsid="CA1"), wait(500)],
    "recovery_disconnect": [*recovering, wait(300), *end],
    "recovery_mute": [*recovering, act("connection.mute", True), describe("answer"), blackhole(False), wait(3_000),
                      *end],
    "recovery_without_signaling": [ready(enableIceRestart=True), talk(), *no_path, wait(5_000), upgrades("refuse"),
                                   drop(), wait(6_000), *back, wait(500), blackhole(False), wait(3_000), *end],
    "recovery_begun_before_the_answer": [blackhole(True), ready(enableIceRestart=True, enableRingingState=True), dial(),
                                         describe("ringing"), expect("reinvite"), wait(500), describe("answer"),
                                         wait(1_000), blackhole(False), wait(4_000), *end],
    "recovery_off_blocked_from_start": [blackhole(True), ready(), dial(), describe("answer"), expect("hangup"),
                                        wait(600)],
}  # fmt: skip

SCENARIOS: dict[str, list[Step]] = {**_INCOMING, **_BUSY, **_OUTGOING, **_DEVICE, **_SERVER, **_SOCKET, **_RECOVERY}
