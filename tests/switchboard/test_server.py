"""The switchboard over a real TLS socket."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agent.errors import ConfigError, LocalFault
from agent.signaling.token.access_token import ApiKey, mint_token
from agent.switchboard.server import TURNED_AWAY_AT_ONCE, Switchboard, mint
from agent.switchboard.settings import SwitchboardSettings

from .phones import Site, running
from .talkers import until

Play = Callable[..., None]


def test_a_client_registers_over_verified_tls(play: Play) -> None:
    async def story(site: Site) -> None:
        phone = await site.connect()
        await phone.send("listen", token=site.switchboard.mint("alice"))
        connected = await phone.expect("connected")
        assert list(connected) == ["region", "gateway", "home", "edge", "token"]
        assert list(connected["token"]) == ["accountSid", "identity", "ttl"]
        assert connected["token"]["identity"] == "alice"
        assert 3590 <= connected["token"]["ttl"] <= 3600
        await phone.send("register", media={"audio": True})
        assert await phone.expect("ready") == {}

    play(story)


def test_unregistering_is_answered_by_offline(play: Play) -> None:
    async def story(site: Site) -> None:
        phone = await site.ready("alice")
        await phone.send("register", media={"audio": False})
        assert await phone.expect("offline") == {}
        assert site.switchboard.registry.reachable("alice") == []

    play(story)


def test_each_generation_is_answered_in_its_own_dialect(play: Play) -> None:
    async def story(site: Site) -> None:
        old, new = await site.ready("alice", "1.5"), await site.ready("bob", "1.6")
        assert list(old.seen[0]) == ["type", "version", "payload"]
        assert old.seen[0]["version"] == "1.5"
        assert list(new.seen[0]) == ["payload", "type", "version"]
        assert new.seen[0]["version"] == "1.6"

    play(story)


def test_the_heartbeat_is_one_line_feed(play: Play) -> None:
    async def story(site: Site) -> None:
        phone = await site.ready("alice")
        for _ in range(2):
            assert await phone.raw() == "\n"
            await phone.send_text("\n")
        assert await phone.silent()

    play(story, heartbeat_s=1)


def test_a_client_that_answers_no_heartbeat_is_dropped(play: Play) -> None:
    async def story(site: Site) -> None:
        context = site.context
        async with connect(f"wss://{site.address.server}/signal", ssl=context, ping_interval=None) as socket:
            with pytest.raises(ConnectionClosed):
                async with asyncio.timeout(20):
                    while True:
                        assert await socket.recv() == "\n"

    play(story, heartbeat_s=1)


@pytest.mark.parametrize(
    ("secret", "ttl_s", "code"), [("right", -5, 31205), ("wrong", 60, 31204)], ids=["expired", "forged"]
)
def test_a_bad_token_is_refused_with_its_code(play: Play, secret: str, ttl_s: int, code: int) -> None:
    async def story(site: Site) -> None:
        real = json.loads((Path(site.switchboard.settings.state_dir) / "api_key.json").read_text())
        key = ApiKey(**{**real, "secret": real["secret"] if secret == "right" else "x" * 43})
        now = time.time() - 60 + ttl_s
        token = mint_token(key, "alice", ttl_s=60, application_sid="AP1", now=now)
        phone = await site.connect()
        await phone.send("listen", token=token)
        assert (await phone.expect("error"))["error"]["code"] == code
        await phone.send("listen", token=site.switchboard.mint("alice"))
        await phone.expect("connected")

    play(story)


def test_no_token_is_ever_logged(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    tokens = []

    async def story(site: Site) -> None:
        tokens.append(site.switchboard.mint("alice"))
        phone = await site.connect()
        await phone.send("listen", token=tokens[0])
        await phone.expect("connected")
        await phone.send("listen", token=tokens[0][:-2])
        await phone.expect("error")

    with caplog.at_level(logging.DEBUG):
        play(story)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.client")]
    assert ours and not any(tokens[0][10:40] in message for message in ours)


def test_registering_without_a_token_is_refused(play: Play) -> None:
    async def story(site: Site) -> None:
        phone = await site.connect()
        await phone.send("register", media={"audio": True})
        assert (await phone.expect("error"))["error"]["code"] == 31204

    play(story)


def test_a_token_that_ends_takes_the_client_offline_until_a_new_one_comes(play: Play) -> None:
    async def story(site: Site) -> None:
        phone = await site.connect()
        key = ApiKey(**json.loads((Path(site.switchboard.settings.state_dir) / "api_key.json").read_text()))
        await phone.send("listen", token=mint(key, "alice", 2))
        await phone.expect("connected")
        await phone.send("register", media={"audio": True})
        await phone.expect("ready")
        assert (await phone.expect("error"))["error"]["code"] == 31205
        await phone.expect("offline")
        assert site.switchboard.registry.reachable("alice") == []
        await phone.send("listen", token=site.switchboard.mint("alice"))
        await phone.expect("connected")
        assert await phone.silent()

    play(story)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"type":7}', '{"type":"invite","payload":[]}', '{"type":"listen","payload":{}}',
             '{"type":"nonsense"}', '{"type":"hangup","payload":{"callsid":["x"]}}', "9" * 5000,
             "[" + "{}," * 5000 + "1]"]
)  # fmt: skip
def test_a_malformed_frame_is_dropped_and_the_session_goes_on(
    play: Play, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    async def story(site: Site) -> None:
        phone = await site.ready("alice")
        await phone.send_text(text)
        await phone.send_text(text)
        assert await phone.silent()

    play(story)
    assert len([r for r in caplog.records if r.levelname == "WARNING" and "frame of client" in r.message]) == 1


def test_an_oversized_frame_closes_the_socket_only_of_its_sender(play: Play) -> None:
    async def story(site: Site) -> None:
        bad, good = await site.ready("mallory"), await site.ready("alice")
        await bad.send_text("x" * 70_000)
        with pytest.raises(ConnectionClosed) as caught:
            await bad.next()
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1009
        assert await good.silent()

    play(story)


def test_a_flood_is_told_once_and_then_disconnected(play: Play) -> None:
    async def story(site: Site) -> None:
        phone = await site.ready("mallory")
        with pytest.raises(ConnectionClosed) as caught:
            for _ in range(2000):
                await phone.send("register", media={"audio": True})
            while True:
                await phone.next()
        errors = [frame["payload"]["error"] for frame in phone.seen if frame["type"] == "error"]
        assert errors == [{"code": 31206, "message": "Rate exceeded", "retryAfter": 5}]
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1008

    play(story, frames_per_s=10)


def test_a_full_switchboard_tells_the_next_socket_when_to_come_back(play: Play) -> None:
    async def story(site: Site) -> None:
        alice = await site.ready("alice")
        for _ in range(2 * TURNED_AWAY_AT_ONCE):
            late = await site.connect()
            error = (await late.expect("error"))["error"]
            assert (error["code"], error["retryAfter"]) == (31503, 15)
            with pytest.raises(ConnectionClosed) as caught:
                await late.next()
            assert caught.value.rcvd is not None and caught.value.rcvd.code == 1013
        await alice.close()
        await until(lambda: len(site.switchboard.registry) == 0)
        await site.ready("alice")

    play(story, max_clients=1)


def test_a_full_switchboard_turns_only_so_many_away_in_words(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.switchboard.server.TURNED_AWAY_AT_ONCE", 0)

    async def story(site: Site) -> None:
        await site.ready("alice")
        with pytest.raises(InvalidStatus) as caught:
            await site.connect()
        assert caught.value.response.status_code == 503

    play(story, max_clients=1)


def test_a_closing_switchboard_says_so_to_its_clients(play: Play) -> None:
    async def story(site: Site) -> None:
        phone = await site.ready("alice")
        await site.switchboard.stop()
        with pytest.raises(ConnectionClosed) as caught:
            await phone.next()
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1001

    play(story)


def test_a_taken_port_is_named_in_the_error(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path / "first") as site:
            second = Switchboard(
                SwitchboardSettings(listen_port=site.address.port, state_dir=str(tmp_path / "second"))
            )
            with pytest.raises(LocalFault, match=str(site.address.port)):
                await second.start()

    asyncio.run(story())


def test_demo_tokens_are_refused_on_a_public_address() -> None:
    with pytest.raises(ConfigError, match="demo_tokens"):
        Switchboard(SwitchboardSettings(listen_host="9.9.9.9", demo_tokens=True))


def test_a_visitor_gets_a_demo_token_that_opens_a_session(play: Play) -> None:
    async def story(site: Site) -> None:
        answer = json.loads(await get(site, "token?identity=visitor"))
        phone = await site.connect()
        await phone.send("listen", token=answer["token"])
        assert (await phone.expect("connected"))["token"]["identity"] == "visitor"

    play(story, demo_tokens=True)


@pytest.mark.parametrize(
    ("path", "status"),
    [("token?identity=box", 409), ("token?identity=echo", 409), ("token?identity=", 400), ("nothing", 404),
     ("../api_key.json", 404), ("%2e%2e/api_key.json", 404)],
)  # fmt: skip
def test_other_requests_are_refused(play: Play, path: str, status: int) -> None:
    async def story(site: Site) -> None:
        with pytest.raises(urllib.error.HTTPError) as caught:
            await get(site, path)
        assert caught.value.code == status

    play(story, demo_tokens=True, demo_target="box")


def test_without_demo_tokens_none_is_handed_out(play: Play) -> None:
    async def story(site: Site) -> None:
        with pytest.raises(urllib.error.HTTPError) as caught:
            await get(site, "token?identity=visitor")
        assert caught.value.code == 403

    play(story)


def test_another_sites_page_gets_no_token(play: Play) -> None:
    async def story(site: Site) -> None:
        with pytest.raises(urllib.error.HTTPError) as caught:
            await get(site, "token?identity=visitor", {"Sec-Fetch-Site": "cross-site"})
        assert caught.value.code == 403

    play(story, demo_tokens=True)


def test_a_renewed_certificate_serves_new_connections_while_old_ones_stay(play: Play) -> None:
    async def story(site: Site) -> None:
        before = await site.ready("alice")
        first = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", site.address.port))
        (Path(site.switchboard.settings.state_dir) / "server.pem").write_text("torn")
        site.switchboard.renew_certificate()
        assert await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", site.address.port)) != first
        assert await before.silent()
        await site.ready("bob")

    play(story)


def test_a_port_that_is_taken_while_signaling_restarts_is_tried_again(
    play: Play, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(site: Site) -> None:
        listen, refusals, listening = site.switchboard._listener._listen, [OSError("taken")], asyncio.Event()

        async def refuse_first(context: ssl.SSLContext) -> Server:
            if refusals:
                raise refusals.pop()
            server = await listen(context)
            listening.set()
            return server

        monkeypatch.setattr(site.switchboard._listener, "_listen", refuse_first)
        await site.switchboard.restart_signaling()
        assert "listening again failed: taken" in caplog.text
        await listening.wait()
        await site.ready("alice")

    play(story)


async def get(site: Site, path: str, headers: dict[str, str] | None = None) -> bytes:
    request = urllib.request.Request(f"{site.address.url}{path}", headers=headers or {})

    def fetch() -> bytes:
        try:
            with urllib.request.urlopen(request, context=site.context) as response:
                body: bytes = response.read()
                return body
        except urllib.error.HTTPError as error:
            error.close()
            raise

    return await asyncio.to_thread(fetch)
