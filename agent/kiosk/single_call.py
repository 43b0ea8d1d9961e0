"""One call from the command line: connect, dial, talk, report.

An entry of the directory is called as a button calls it: its steps one after the other, until somebody answers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult

from agent.config import Config
from agent.errors import CallFailedError, VoiceError
from agent.kiosk.admission import fetched
from agent.kiosk.answering import limit_s
from agent.kiosk.box_sound import BoxSound, open_sound
from agent.kiosk.call_log import CallRecord
from agent.kiosk.call_sounds import ProgressTones
from agent.kiosk.line import Line
from agent.kiosk.outcomes import OUTGOING
from agent.kiosk.refusal_words import refusal_words
from agent.kiosk.registration import device_options
from agent.kiosk.wish import Wish, steps_of
from agent.log import MOST_WHY, excerpt
from agent.media.bridge import close_shared_bridge
from agent.service.stopping import StopSignals
from agent.signaling.dismissals import Dismissals, follow
from agent.signaling.refusals import Complaint
from agent.terminal import say
from agent.voice.device import Device
from hw.sound.wav_sound import WavSound

CONNECT_WITHIN_S = 15.0


class SingleCall:
    """A Device for one call; prints each step on stdout."""

    def __init__(self, config: Config, capture: Path | None, playback: Path | None) -> None:
        """With a file for either direction the sound card is not used. Raises ToneError for one that is none."""
        self._config = config
        self._sound: BoxSound = WavSound(capture, playback) if capture or playback else open_sound(config.sound)
        self._tones = ProgressTones(self._sound.mixer, config.sound.tone_country)
        self._device = Device()
        self._over: AsyncResult[str] = AsyncResult()  # the call that is on
        self._is_stopped = False
        self._names_each = False  # of those who are called: it is not who was asked for

    def run(self, to: str, params: Mapping[str, str], seconds: float, digits: str) -> int:
        """Call and see it through; returns 0 when it was answered. Raises CallFailedError."""
        wish = self._wish(to, params)
        self._names_each = wish.to != to
        signals = StopSignals(lambda _reason: self._stop())
        self._sound.start()
        try:
            self._connect()
            line, why = self._call(wish, seconds, digits)
        finally:
            self._close()
            signals.close()
        if not line.answered:
            raise CallFailedError(f"{to} did not answer: {line.error or why}")
        say(f"ended: {excerpt(why, MOST_WHY)}{_figures(line)}")
        return 0

    def _wish(self, to: str, params: Mapping[str, str]) -> Wish:
        ring_s = limit_s(self._config.answering.max_ring_s)
        steps = steps_of(self._config.directory, to, datetime.now(), ring_s)
        return Wish(steps, params, time.monotonic(), patience_s=0.0)

    def _call(self, wish: Wish, seconds: float, digits: str) -> tuple[Line, str]:
        """Call whoever is wanted, step by step; returns the last call, at its end, and why it ended."""
        while True:
            line = self._dial(wish, seconds, digits)
            why = self._over.get()
            following = None if line.answered or self._is_stopped else wish.next(time.monotonic())
            if following is None:
                return line, why
            line.move_on()
            line.hang_up()
            self._tones.stop()
            wish, self._over = following, AsyncResult()
            self._over.wait(max(0.0, wish.begun_s - time.monotonic()))
            if self._is_stopped:
                return line, why

    def _connect(self) -> None:
        """Reach the service, without registering: calls to this identity go on ringing where it is at home."""
        words = refusal_words(self._config.signaling)
        options = {**device_options(self._config, self._sound), "no_register": True, **fetched(self._config)}
        connected: AsyncResult[None] = AsyncResult()
        errors: list[VoiceError] = []

        def refused(refusal: Complaint, code: object, message: str) -> None:
            if not connected.ready():
                connected.set_exception(CallFailedError(words.say(refusal, code, message)))

        def fail(error: VoiceError) -> None:
            errors.append(error)
            refusal = words.of(error)
            if refusal is not None:
                refused(refusal, error.code, error.message)

        self._device.on("error", fail)
        self._device.setup(**options, refusals_as_errors=True).open()
        if self._device.stream is not None:
            self._device.stream.once("connected", lambda _payload: connected.set())
            self._device.stream.once("close", lambda _payload: refused(words.dismissed, "", ""))
            follow(self._device.stream, Dismissals(), time.monotonic, lambda: refused(words.dismissed, "", ""))
        try:
            connected.get(timeout=CONNECT_WITHIN_S)
        except gevent.Timeout:
            why = errors[-1] if errors else "no answer"
            raise CallFailedError(words.not_reached.format(why=why)) from None

    def _dial(self, wish: Wish, seconds: float, digits: str) -> Line:
        if self._names_each:
            self._say(f"calling {excerpt(wish.to)}")
        connection, over = self._device.connect(wish.all_params()), self._over
        line = Line(connection, CallRecord(OUTGOING, wish.to, time.time()))
        line.after(wish.ring_s, lambda: self._end(over, "nobody answered"))
        connection.on("ringing", lambda early: self._on_ringing(early))
        connection.on("accept", lambda _connection: self._on_accept(line, seconds, digits))
        connection.on("reconnecting", lambda _error: self._say("reconnecting"))
        connection.on("reconnected", lambda: self._say("reconnected"))
        connection.on("digit", lambda digit: self._say(f"digit {excerpt(digit)}"))
        for event in ("disconnect", "cancel"):
            connection.on(event, lambda *_args: self._end(over, str(line.error or "the far end hung up")))
        return line

    def _on_ringing(self, has_early_media: bool) -> None:
        self._say("ringing")
        if not has_early_media:
            self._tones.ringback()

    def _on_accept(self, line: Line, seconds: float, digits: str) -> None:
        line.answer()
        self._tones.stop()
        self._say("answered")
        if digits:
            line.connection.send_digits(digits)
        line.after(seconds or None, lambda: self._end(self._over, f"hung up here after {seconds:g} s"))

    def _say(self, words: str) -> None:
        try:
            say(words)
        except BrokenPipeError as error:  # nobody reads on: the command ends as every other one does
            if not self._over.ready():
                self._over.set_exception(error)

    def _stop(self) -> None:
        self._is_stopped = True
        self._end(self._over, "interrupted")

    @staticmethod
    def _end(over: AsyncResult[str], why: str) -> None:
        if not over.ready():
            over.set(why)

    def _close(self) -> None:
        stream = self._device.stream
        if self._device.is_initialized:
            self._device.destroy()
        if stream is not None:
            stream.join(0.5)
        self._sound.close()
        close_shared_bridge()


def _figures(line: Line) -> str:
    told: dict[str, Any] = line.describe()
    facts = [told["codec"] and f"codec {told['codec']}", told["mos"] and f"quality {told['mos']:.1f} of 5"]
    return "".join(f", {fact}" for fact in facts if fact)
