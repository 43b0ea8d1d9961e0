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

    def __init__(self, browser: Any, path: str = "/events", **headers: str) -> None:
        self.answer = browser.get(path, **headers)
        self.text = b""
        self.seen = b""

    def next(self) -> Any:
        """The next status that is told."""
        return self._next(b"data: ")

    def moment(self) -> Any:
        """The next moment that is told."""
        return self._next(b"event: moment")

    def doctor(self) -> Any:
        """What the self-test has found when it is told next."""
        return self._next(b"event: doctor")

    def _next(self, beginning: bytes) -> Any:
        while True:
            event, found, rest = self.text.partition(b"\n\n")
            if found:
                self.text = rest
                if event.startswith(beginning):
                    return json.loads(event.partition(b"data: ")[2])
                continue
            chunk = bytes(self.answer.read(1))
            assert chunk, "the stream ended"
            self.text += chunk
            self.seen += chunk


def test_the_status_is_told_at_once_and_at_each_change(browser: Any, box: Any) -> None:
    stream = Stream(browser)
    assert stream.answer["content-type"] == "text/event-stream"
    assert stream.next()["states"] == ["ready"]
    box.change(states=["ringing"])
    assert stream.next()["states"] == ["ringing"]


def test_moments_are_told_as_they_happen_and_those_before_at_once(browser: Any, box: Any) -> None:
    box.tell("incoming", "client:a")
    stream = Stream(browser, "/api/v1/events")
    assert stream.moment()["detail"] == "client:a"
    box.tell("ringing")
    assert stream.moment()["moment"] == "ringing"


def test_how_a_self_test_comes_along_is_told_to_whoever_looks_after_the_box(
    serve: Any, box: Any, keys: Any
) -> None:
    browser = serve(password="correct horse", api=keys[0])
    box.found = {"state": "running", "began_at_ms": 1, "checks": []}
    mender = Stream(browser, "/api/v1/events", Authorization=keys[1]["all"])
    viewer = Stream(browser, "/api/v1/events", Authorization=keys[1]["look"])
    assert mender.doctor()["state"] == "running"
    box.found = {"state": "done", "began_at_ms": 1, "checks": [{"name": "dns"}]}
    box.change(identity="gate")
    assert mender.doctor()["checks"] == [{"name": "dns"}]
    assert [viewer.next()["identity"] for _ in range(2)] == ["lobby", "gate"]
    box.tell("ringing")
    assert viewer.moment()["moment"] == "ringing"
    assert b"doctor" not in viewer.seen


def test_nothing_is_collected_while_nobody_looks(browser: Any, box: Any) -> None:
    collected: list[str] = []
    show, found = box.status, box.doctor
    box.status = lambda: collected.append("status") or show()
    box.doctor = lambda: collected.append("doctor") or found()
    for percent in range(50):
        box.change(volume_percent=percent)
    assert collected == []
    assert Stream(browser).next()["volume_percent"] == 49
    assert collected


def test_whoever_comes_back_hears_only_what_was_missed(browser: Any, box: Any) -> None:
    for number in range(3):
        box.tell("incoming", str(number))
    stream = Stream(browser, "/api/v1/events")
    first = stream.moment()
    again = Stream(browser, "/api/v1/events", Last_Event_ID=str(first["id"]))
    assert [again.moment()["detail"] for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize("last", ["", "x", "-1", "9" * 19, "9" * 400, "\xb2"])
def test_a_browser_that_remembers_what_never_was_hears_everything(browser: Any, box: Any, last: str) -> None:
    box.tell("incoming", "a")
    assert Stream(browser, "/api/v1/events", Last_Event_ID=last).moment()["detail"] == "a"


def test_of_many_moments_the_last_ones_are_kept(box: Any) -> None:
    for number in range(200):
        box.tell("incoming", str(number))
    kept = box.moments_since(0)
    assert [one["detail"] for one in kept] == [str(number) for number in range(150, 200)]
    assert len({one["id"] for one in kept}) == 50


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
