"""The ways in which the program is broken on purpose. Each is a fault that somebody could make, and the test for it.

Choose a text that stands in its file once and does not change often; name tests that take seconds.
"""

from __future__ import annotations

from .mutation import Mutation

PLAYED = "conformance/test_conformance.py::test_a_scenario_comes_out_as_it_was_recorded"


def _played(*scenarios: str) -> tuple[str, ...]:
    return tuple(f"{PLAYED}[{scenario}]" for scenario in scenarios)


_CALLS = (
    Mutation("STIR levels B and C count as verified", "agent/voice/call_ids.py", "status == _VERIFIED",
             "str(status).startswith(_VERIFIED[:-1])", ("voice/test_call_ids.py",)),
    Mutation("a ring that never stops", "agent/voice/ringing.py",
             "        else:\n            self._device.sounds.stop(INCOMING)", "", ("voice/test_ringing.py",)),
    Mutation("a ring goes on under a call", "agent/voice/ringing.py", "self._heard.clear()", "pass",
             ("voice/test_ringing.py",)),
    Mutation("the constraints of a call are dropped", "agent/voice/call_media.py",
             "self._own_constraints = constraints", "self._own_constraints = None", _played("in_constraints")),
    Mutation("deprecated members are silent", "agent/voice/deprecated.py",
             'log.warning("%s is deprecated; use %s", old, better)', "pass", ("voice/test_deprecated.py",)),
    Mutation("warnings=False has no effect", "agent/voice/host.py",
             "lambda: not (self.options.warnings or self.options.debug)", "lambda: False",
             ("voice/test_deprecated.py",)),
    Mutation("tones of 100 ms", "agent/voice/digits.py", "TONE_MS: Final = 160", "TONE_MS: Final = 100",
             _played("digits")),
    Mutation("gaps of 20 ms", "agent/voice/call.py", "effect.tones, TONE_MS, GAP_MS", "effect.tones, TONE_MS, 20",
             _played("digits")),
    Mutation("a pause of 50 ms", "agent/voice/digits.py", "PAUSE_MS: Final = 500", "PAUSE_MS: Final = 50",
             ("voice/test_digits.py",)),
    Mutation("letters are digits", "agent/voice/digits.py", "[^0-9*#w]", "[^0-9*#wA-D]",
             _played("out_digits_variants")),
    Mutation("incoming does not wait for the ring", "agent/voice/signaling_events.py",
             "            self._wait(started)", "            pass", _played("in_cancel_while_the_ring_loads")),
    Mutation("a call that was cancelled is presented", "agent/voice/signaling_events.py",
             "if self._device.calls.waits(connection):", "if True:", ("voice/test_device.py",)),
    Mutation("accept is emitted twice", "agent/voice/states.py", "_ACCEPT = (ACCEPTED, EMIT_ACCEPT)",
             "_ACCEPT = (ACCEPTED, EMIT_ACCEPT, EMIT_ACCEPT)", _played("out_local_disconnect")),
    Mutation("disconnect comes before closed", "agent/voice/states.py",
             "_ENDED = (*_CLOSE, do.PlayDisconnect(), EMIT_DISCONNECT)",
             "_ENDED = (EMIT_DISCONNECT, *_CLOSE, do.PlayDisconnect())", _played("out_local_disconnect")),
    Mutation("mute is not told", "agent/voice/connection.py", '        self.emit("mute", flag, self)\n', "",
             _played("mute")),
    Mutation("a hangup has the temporary sid", "agent/voice/call.py", "own.hangup(self.wire_sid, text)",
             "own.hangup(self.connection.outbound_connection_id, text)", _played("out_local_disconnect")),
    Mutation("a rejected call is not refused", "agent/voice/states.py", "S.CLOSED, do.SendReject(),", "S.CLOSED,",
             _played("in_reject")),
    Mutation("a cancelled call is silent", "agent/voice/states.py",
             'CANCELLED, do.ReportEvent("cancel"), *_CLOSE, EMIT_CANCEL)',
             'CANCELLED, do.ReportEvent("cancel"), *_CLOSE)', _played("in_cancel")),
    Mutation("a lost path is not hung up", "agent/voice/states.py",
             "_row(26, LIVE, T.MEDIA_LOST, S.CLOSED, of.send_hangup,", "_row(26, LIVE, T.MEDIA_LOST, S.CLOSED,",
             _played("ice_restart_disabled")),
    Mutation("scores up to 10", "agent/voice/feedback.py", "(1, 2, 3, 4, 5)", "tuple(range(1, 11))",
             _played("feedback")),
    Mutation("ringing is a state without being asked for", "agent/voice/options.py",
             "enable_ringing_state: bool = False", "enable_ringing_state: bool = True",
             _played("out_local_disconnect")),
    Mutation("Opus is preferred", "agent/voice/options.py", '("pcmu", "opus")', '("opus", "pcmu")', _played("mute")),
    Mutation("ICE restarts are always on", "agent/voice/options.py", "enable_ice_restart: bool = False",
             "enable_ice_restart: bool = True", _played("ice_restart_disabled")),
    Mutation("registration every 60 s", "agent/voice/registration.py", "INTERVAL_S: Final = 30.0",
             "INTERVAL_S: Final = 60.0", _played("register")),
    Mutation("presence ends for ever", "agent/voice/registration.py",
             "now + INTERVAL_S if self.present else None", "None", _played("register")),
    Mutation("a call is given up after 60 s", "agent/voice/recovery_policy.py", "limit_s: float = 30.0",
             "limit_s: float = 60.0", ("voice/test_recovery_policy.py",)),
    Mutation("a restart is offered without signaling", "agent/voice/recovery_policy.py",
             "if not (self._signaling_up and self._reachable):", "if False:",
             ("voice/test_recovery_policy.py",)),
    Mutation("a failed restart is not tried again", "agent/voice/recovery_policy.py",
             "        return self._decide(Failure.CONNECTION_FAILED, now)\n\n    # What others",
             "        return []\n\n    # What others",
             ("voice/test_recovery_policy.py",)),
)  # fmt: skip

_QUALITY = (
    Mutation("a warning carries one sample", "agent/quality/monitor.py", 'data["samples"] = window',
             'data["samples"] = window[-1:]', ("quality/test_monitor.py",)),
    Mutation("a warning carries every sample", "agent/quality/monitor.py", 'data["samples"] = window',
             'data["samples"] = list(self._samples)', ("quality/test_monitor.py",)),
    Mutation("warnings are cleared at once", "agent/quality/monitor.py", "CLEAR_AFTER_S = 5.0", "CLEAR_AFTER_S = 0.0",
             ("quality/test_monitor.py",)),
    Mutation("warnings from the start", "agent/quality/monitor.py", "WARNINGS_DELAY_S = 5.0", "WARNINGS_DELAY_S = 0.0",
             ("voice/test_monitoring.py",)),
    Mutation("a muted microphone is warned of", "agent/quality/warnings.py",
             'return self.stat == "audioInputLevel"', "return False", ("voice/test_monitoring.py",)),
    Mutation("a delay of 4 s is good", "agent/quality/thresholds.py", '"rtt", "max", 400', '"rtt", "max", 4_000',
             ("quality/test_monitor.py",)),
    Mutation("another E-model", "agent/quality/mos.py", "_R0 = 94.768", "_R0 = 93.2", ("quality/test_mos.py",)),
    Mutation("reports name another platform", "agent/quality/envelope.py", 'PLATFORM = "WebRTC"',
             'PLATFORM = "Python"', _played("feedback")),
    Mutation("reports hide whether ICE restarts", "agent/voice/report.py",
             "ice_restart_enabled=options.enable_ice_restart", "ice_restart_enabled=False",
             _played("ice_restart_ok")),
    Mutation("reports name the wrong call", "agent/voice/report.py", 'call_sid=connection.parameters.get("CallSid")',
             "call_sid=connection.outbound_connection_id", _played("mute")),
)  # fmt: skip

_SIGNALING = (
    Mutation("silence is borne for 30 s", "agent/signaling/pstream/link.py", "HEARTBEAT_TIMEOUT_MS = 15_000",
             "HEARTBEAT_TIMEOUT_MS = 30_000", _played("ws_no_heartbeat")),
    Mutation("heartbeats are not answered", "agent/signaling/pstream/link.py",
             "return self.send(ECHO) if data == HEARTBEAT", "return [] if data == HEARTBEAT",
             ("signaling/pstream/test_link.py",)),
    Mutation("the next edge is never tried", "agent/signaling/pstream/retries.py",
             "(self._index + 1) % len(self._uris)", "self._index", ("signaling/pstream/test_link.py",)),
    Mutation("a short connection resets the back-off", "agent/signaling/pstream/retries.py",
             "CONNECT_SUCCESS_S: Final = 10.0", "CONNECT_SUCCESS_S: Final = 0.0", ("signaling/pstream/test_link.py",)),
    Mutation("an open connection does not end the outage", "agent/signaling/pstream/retries.py",
             "        self.cancel()\n        self._outage = None", "        self.cancel()",
             ("signaling/pstream/test_retries.py",)),
    Mutation("a call's edge is tried for ever", "agent/signaling/pstream/retries.py",
             "<= outage.preferred_for_s", "<= 1e9", ("signaling/pstream/test_retries.py",)),
    Mutation("a call comes back anywhere", "agent/signaling/pstream/link.py",
             "edge_uri(self._opened_uri, edge) if self._opened_uri else None", "None",
             ("signaling/pstream/test_core_second.py",)),
    Mutation("a server sends a phone to sleep", "agent/signaling/pstream/retries.py",
             "min(retry_after_s, RETRY_AFTER_MAX_S)", "retry_after_s", ("signaling/pstream/test_retries.py",)),
    Mutation("a server names any host", "agent/signaling/pstream/hosts.py", " or not is_label(edge)", "",
             ("signaling/pstream/test_endpoints.py",)),
    Mutation("a restart offer waits in the queue", "agent/signaling/pstream/core.py",
             "describe(sdp, callsid), keep=False", "describe(sdp, callsid), keep=True",
             ("signaling/pstream/test_core.py",)),
    Mutation("jitter on both sides", "agent/signaling/backoff.py", "1 + self._random() * self._randomisation",
             "1 + (self._random() - 0.5) * self._randomisation", ("signaling/test_backoff.py",)),
    Mutation("the back-off grows for ever", "agent/signaling/backoff.py",
             "min(self._base_ms * self._factor, self._max_ms)", "self._base_ms * self._factor",
             ("signaling/test_backoff.py",)),
    Mutation("a short token is renewed all the time", "agent/signaling/token/renewal.py", "life_s / 2", "life_s * 2",
             ("signaling/token/test_renewal.py",)),
)  # fmt: skip

_MEDIA = (
    Mutation("an offer chooses its role", "agent/media/sdp/offer_answer.py", 'self._write(ice, "actpass")',
             'self._write(ice, "active")', _played("mute")),
    Mutation("codecs in a fixed order", "agent/media/sdp/offer_answer.py",
             "_in_order(self._local.codecs, self._settings.codec_preferences)", "self._local.codecs", _played("mute")),
    Mutation("each description is the first", "agent/media/sdp/offer_answer.py", "        self._version += 1\n", "",
             _played("ice_restart_ok")),
    Mutation("the limit of the bit rate is not told", "agent/media/sdp/munge.py",
             "rf\"\\g<1>;maxaveragebitrate={value}\"", "rf\"\\g<1>\"", _played("codec_opus_first")),
    Mutation("ICE-lite stays", "agent/media/sdp/munge.py", 'r"^.*a=ice-lite.*\\n?"', 'r"^.*a=ice-light.*\\n?"',
             ("media/sdp/test_munge.py",)),
    Mutation("no candidates by trickle", "agent/media/sdp/write.py", '            "a=ice-options:trickle",\n', "",
             _played("mute")),
    Mutation("the end of a digit is sent once", "agent/media/codec/telephone_event.py", "END_PACKETS = 3",
             "END_PACKETS = 1", ("media/codec/test_telephone_event.py",)),
)  # fmt: skip

_BOX = (
    Mutation("a contact bounces through", "hw/panel/debounce.py", "now < self._since + self._settle_s",
             "now < self._since", ("hw/panel/test_debounce.py",)),
    Mutation("two presses are never a double", "hw/panel/gestures.py", 'return ["double"]', 'return ["short", "short"]',
             ("hw/panel/test_gestures.py",)),
    Mutation("quiet hours end at midnight", "hw/sound/quiet_hours.py", "return now >= self.start or now < self.end",
             "return now >= self.start", ("hw/sound/test_quiet_hours.py",)),
    Mutation("a part is restarted for ever", "agent/supervision/restart.py", "if count > self.limits.limit:",
             "if False:", ("supervision/test_restart.py",)),
)  # fmt: skip

_RELEASES = "install/test_releases.py::test_a_"
_INSTALLATION = (
    Mutation("a moment without any version", "systemd/releases.sh", '  mv -T "$opt/.$1.new"',
             '  rm -f "$opt/$1"\n  mv -T "$opt/.$1.new"',
             (f"{_RELEASES}change_that_is_cut_at_any_step_leaves_the_old_or_the_new_version[judge-works-power cut]",)),
    Mutation("a version that was refused is not named", "systemd/releases.sh", 'point refused "$trial"', ":",
             (f"{_RELEASES}version_that_does_not_get_ready_is_told_and_the_old_one_is_back",)),
    Mutation("a version that starts again and again is ready", "systemd/releases.sh",
             '[ "$process" = "$last" ] || since=$SECONDS', ":",
             (f"{_RELEASES}version_that_starts_again_and_again_is_not_ready",)),
)  # fmt: skip

MUTATIONS = (*_CALLS, *_QUALITY, *_SIGNALING, *_MEDIA, *_BOX, *_INSTALLATION)
