"""The rest of an open card: its streams stand still, nobody wakes up, and the card stays this program's.

The streams start again when somebody listens or something sounds. When a card came or went, only opening shows whether
it was this one; a start would hang where it was, and a sound server stands between.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from hw.errors import SoundError
from hw.sound.card_news import CardNews
from hw.sound.dsp import DspWorker
from hw.sound.portaudio import OpenCard, Rings
from hw.sound.portaudio_thread import ControlThread

log = logging.getLogger(__name__)

AFTER_S = 5.0  # without anybody who listens, and without a sound


class CardRest:
    """Used by the keeper's thread, but for `stir` and `age_s`."""

    def __init__(self, control: ControlThread, worker: DspWorker, rings: Rings, limit_s: float) -> None:
        """`limit_s` is what the sound library is given to stop the streams, and to start them."""
        self._control, self._worker, self._rings = control, worker, rings
        self._limit_s = limit_s
        self._used_at = 0.0
        self._asked_at = math.inf
        self._news: CardNews | None = None
        self.ended_at = 0.0  #: when the streams were last started again, monotonic

    @property
    def is_on(self) -> bool:
        """Whether the streams stand still, or are being stopped or started."""
        return self._news is not None

    def stir(self) -> None:
        """Start the streams: somebody listens, or something sounds; any thread."""
        if (news := self._news) is not None:
            self._asked_at = min(self._asked_at, time.monotonic())
            news.tell()

    def age_s(self) -> float:
        """Return the seconds since the streams were asked for and did not start."""
        return max(0.0, time.monotonic() - self._asked_at)

    def put_off(self, now: float) -> None:
        """Let the card go on, from `now` on as if it had just been used."""
        self._used_at = now

    def is_due(self, now: float) -> bool:
        """Tell whether nobody has used the card for long."""
        if not self._worker.idle:
            self._used_at = now
        return now - self._used_at >= AFTER_S

    def take(self, card: OpenCard, news: CardNews, is_over: Callable[[], bool]) -> bool:
        """Let the streams stand still until there is a reason to start them, or `is_over()`.

        Tells whether there was news of a card; then they are not started. Raises SoundError when the streams fail, or
        their server has gone. Where a server tells nothing, or nobody at all, no card rests. `is_over` is asked when
        `news` was told.
        """
        if (card.has_server and not news.ask_server()) or not news.is_told:
            self._used_at = time.monotonic()
            return False
        self._asked_at, self._news = math.inf, news
        try:
            self._run(card, card.rest)
            had_news = self._wait(news, is_over)
            if news.server_has_gone:
                raise SoundError("the sound server has gone")
            if not had_news and not is_over():
                self._run(card, card.start)
            self._worker.resume()
        except BaseException:
            self._worker.wait_no_more()
            raise
        finally:
            news.leave_server()
            self._used_at = self.ended_at = time.monotonic()
            self._news = None
        return had_news

    def _wait(self, news: CardNews, is_over: Callable[[], bool]) -> bool:
        for ring in self._rings:
            ring.forget_beat()
        self._worker.rest()
        log.debug("the sound card rests")
        had_news = False
        while self._worker.idle and not is_over() and not had_news:
            self._asked_at = math.inf  # whoever asked wants nothing any more
            had_news = news.wait(None)
        log.debug("the sound card is started again")
        return had_news

    def _run(self, card: OpenCard, work: Callable[[], None]) -> None:
        """Do it with a time limit; whoever is too late for that finds the card given up, and closes it."""

        def do() -> None:
            try:
                work()
            except BaseException:
                card.close()
                raise

        self._control.run(do, self._limit_s, lambda _none: card.close())
