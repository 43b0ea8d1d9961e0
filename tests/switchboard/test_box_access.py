"""A box's own credential at a running switchboard: good for its name, and over as soon as it is removed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from agent.signaling.token.access_token import ApiKey, mint_token
from agent.switchboard.box_keys import BoxKeys
from agent.switchboard.state_dir import load_api_key

from .phones import PATIENCE_S, Phone, Site
from .talkers import Talker, connected_call, until

Play = Callable[..., None]


def credential(site: Site, name: str) -> ApiKey:
    """What `box add` makes, by hand, beside the running switchboard."""
    folder = Path(site.switchboard.settings.state_dir)
    own = load_api_key(folder)
    return BoxKeys(folder).add(name, own.account_sid, own.application_sid)


def remove(site: Site, name: str) -> None:
    BoxKeys(Path(site.switchboard.settings.state_dir)).remove(name)


async def listens(site: Site, key: ApiKey, name: str) -> tuple[Phone, dict[str, object]]:
    """A new socket that shows a token of `key`, and what it is told."""
    phone = await site.connect()
    await phone.send("listen", token=mint_token(key, name))
    return phone, await phone.next()


async def box(site: Site, key: ApiKey, name: str) -> Phone:
    """The box, as soon as the switchboard has seen its credential, and registered."""
    async with asyncio.timeout(PATIENCE_S):
        while (found := await listens(site, key, name))[1]["type"] != "connected":
            await found[0].close()
    phone = found[0]
    await phone.send("register", media={"audio": True})
    await phone.expect("ready")
    return phone


async def told_until_the_end(phone: Phone) -> list[str]:
    """The types of all frames until the socket is closed with 1008."""
    told = []
    with pytest.raises(ConnectionClosed) as ended:
        while True:
            told.append((await phone.next())["type"])
    assert ended.value.rcvd is not None and ended.value.rcvd.code == 1008
    return told


def test_a_box_is_itself_and_nobody_else(play: Play) -> None:
    async def story(site: Site) -> None:
        key = credential(site, "bob")
        await box(site, key, "bob")
        for other in ("reception", "client:reception", "Bob"):
            _, answer = await listens(site, key, other)
            assert answer["type"] == "error" and answer["payload"]["error"]["code"] == 31204
        assert [client.identity for client in site.switchboard.registry.all() if client.identity] == ["bob"]

    play(story)


def test_removing_a_box_ends_its_calls_and_its_sockets_and_leaves_the_others(play: Play) -> None:
    async def story(site: Site) -> None:
        key, other = credential(site, "bob"), credential(site, "gate")
        door, gate, alice = await box(site, key, "bob"), await box(site, other, "gate"), await site.ready("alice")
        here, there = Talker(), Talker()
        caller_sid, _ = await connected_call(alice, door, here, there)

        remove(site, "bob")

        assert await told_until_the_end(door) == ["hangup", "error"]
        assert await alice.expect("hangup") == {"callsid": caller_sid}
        assert (await listens(site, key, "bob"))[1]["type"] == "error"
        assert await gate.silent() and await alice.silent()
        await until(lambda: site.switchboard.idle)
        here.close()
        there.close()

    play(story)


def test_removing_a_box_ends_the_call_that_waits_for_its_socket(play: Play) -> None:
    async def story(site: Site) -> None:
        key = credential(site, "bob")
        door, alice = await box(site, key, "bob"), await site.ready("alice")
        here, there = Talker(), Talker()
        caller_sid, _ = await connected_call(alice, door, here, there)
        await door.drop()
        remove(site, "bob")
        assert await alice.expect("hangup") == {"callsid": caller_sid}
        here.close()
        there.close()

    play(story)


def test_removing_a_box_ends_what_it_only_rings(play: Play) -> None:
    async def story(site: Site) -> None:
        key = credential(site, "bob")
        door, talker = await box(site, key, "bob"), Talker()
        offer = await talker.peer.create_offer()
        await door.send("invite", callsid="TJS1", sdp=offer, twilio={"params": "To=noanswer"})
        await door.expect("ringing")
        remove(site, "bob")
        assert await told_until_the_end(door) == ["hangup", "error"]
        await until(lambda: site.switchboard.idle)
        talker.close()

    play(story)


def test_a_name_that_is_given_away_again_is_not_the_old_box(play: Play) -> None:
    async def story(site: Site) -> None:
        old = credential(site, "bob")
        first = await box(site, old, "bob")
        remove(site, "bob")
        new = credential(site, "bob")
        await told_until_the_end(first)
        await box(site, new, "bob")
        assert (await listens(site, old, "bob"))[1]["type"] == "error"

    play(story)


def test_the_sites_key_goes_on_working_for_everybody(play: Play) -> None:
    async def story(site: Site) -> None:
        site_key = load_api_key(Path(site.switchboard.settings.state_dir))
        watched = await box(site, credential(site, "bob"), "bob")
        await box(site, site_key, "bob")
        await box(site, site_key, "reception")
        remove(site, "bob")
        await told_until_the_end(watched)
        await site.ready("alice")
        assert {client.identity for client in site.switchboard.registry.all()} == {"bob", "reception", "alice"}

    play(story)
