from __future__ import annotations

import json
from typing import Any

import gevent
import pytest
from geventhttpclient.response import HTTPParseError

from agent.page import status_stream
from agent.page.server import MAX_WATCHING
from agent.page.status_stream import StatusStreams


class Stream:
    """Reads one browser's events."""

    def __init__(self, browser: Any) -> None:
        self.answer = browser.get("/events")
        self.text = b""

    def next(self) -> Any:
        """The next status that is told."""
        while True:
            event, found, rest = self.text.partition(b"\n\n")
            if found:
                self.text = rest
                if event.startswith(b"data: "):
                    return json.loads(event.removeprefix(b"data: "))
                continue
            chunk = bytes(self.answer.read(1))
            assert chunk, "the stream ended"
            self.text += chunk


def test_the_status_is_told_at_once_and_at_each_change(browser: Any, box: Any) -> None:
    stream = Stream(browser)
    assert stream.answer["content-type"] == "text/event-stream"
    assert stream.next()["states"] == ["ready"]
    box.change(states=["ringing"])
    assert stream.next()["states"] == ["ringing"]


def test_many_changes_in_a_row_are_told_as_one(browser: Any, box: Any) -> None:
    stream = Stream(browser)
    stream.next()
    for percent in range(50):
        box.change(volume_percent=percent)
    assert stream.next()["volume_percent"] == 49


def test_two_browsers_see_the_same(browser: Any, box: Any) -> None:
    streams = [Stream(browser), Stream(browser)]
    assert [stream.next()["identity"] for stream in streams] == ["lobby", "lobby"]
    box.change(identity="gate")
    assert [stream.next()["identity"] for stream in streams] == ["gate", "gate"]


def test_a_quiet_stream_is_kept_alive(box: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_stream, "KEEPALIVE_S", 0.01)
    monkeypatch.setattr(status_stream, "SMALLEST_GAP_S", 0.0)
    events = StatusStreams(box).events()
    assert [next(events)[:5] for _ in range(3)] == [b"retry", b"data:", b": sti"]


def test_a_browser_that_went_away_leaves_nothing_behind(box: Any) -> None:
    streams = StatusStreams(box)
    events = streams.events()
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert not streams._changes


def test_whoever_opens_the_page_sees_it_however_many_others_do(browser: Any) -> None:
    streams = [Stream(browser) for _ in range(MAX_WATCHING)]
    assert all(stream.next() for stream in streams)
    assert Stream(browser).next()["identity"] == "lobby"
    with pytest.raises(HTTPParseError, match="Incomplete"):  # it was cut off, and asks again
        streams[0].answer.read()


def test_closing_ends_the_streams_and_the_subscription(box: Any) -> None:
    streams = StatusStreams(box)
    events = streams.events()
    assert next(events)
    reader = gevent.spawn(list, events)
    gevent.idle()
    streams.close()
    reader.join(timeout=10)
    assert reader.ready()
    assert box.watchers == []
