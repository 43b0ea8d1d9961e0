"""Whether calls can reach the box, as its noticeboard shows it."""

from __future__ import annotations

from agent.errors import VoiceError
from agent.kiosk.box_events import Noticeboard
from agent.voice.device import Device

CLOSED = 31005


class Reachability:
    """Follows one Device."""

    def __init__(self, device: Device, board: Noticeboard) -> None:
        self._board = board
        device.on("ready", lambda _device: self._on_ready())
        device.on("offline", lambda _device: self._on_offline())
        device.on("error", self._on_error)

    def _on_ready(self) -> None:
        if not self._board.situation.registered:
            self._board.tell("ready")
        self._board.show(registered=True, booting=False, offline_reason="")

    def _on_offline(self) -> None:
        if self._board.situation.registered:
            self._board.tell("offline")
        self._board.show(registered=False)

    def _on_error(self, error: VoiceError) -> None:
        if error.connection is not None or error.twilio_error is None:
            return  # it is about a call, or about the microphone
        self._board.tell("error", str(error))
        if error.code != CLOSED or not self._board.situation.offline_reason:  # that one says least
            self._board.show(booting=False, offline_reason=str(error))
