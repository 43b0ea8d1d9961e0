"""What we write is what aiortc reads, and what aiortc writes we read."""

import pytest
from aiortc import RTCPeerConnection
from aiortc.mediastreams import AudioStreamTrack
from aiortc.sdp import SessionDescription

from agent.media.sdp.codecs import OUR_CODECS
from agent.media.sdp.description import IceParameters
from agent.media.sdp.parse import parse
from agent.media.sdp.write import LocalDescription
from tests.media.peers import run

CANDIDATES = ("1 1 udp 2130706431 192.0.2.1 40000 typ host", "2 1 udp 1694498815 198.51.100.1 40000 typ srflx")
FINGERPRINT = ("sha-256", ":".join(["AB"] * 32))
SETUP_OF_ROLE = {"auto": "actpass", "client": "active", "server": "passive"}


def ours(setup="actpass", direction="sendrecv"):
    ice = IceParameters("ufra", "p" * 22, CANDIDATES)
    return LocalDescription(7, 1, ice, (FINGERPRINT,), setup, OUR_CODECS, ssrc=99, cname="us", direction=direction)


@pytest.mark.parametrize("setup", ["actpass", "active", "passive"])
@pytest.mark.parametrize("direction", ["sendrecv", "recvonly"])
def test_aiortc_reads_in_our_description_what_we_meant(setup, direction):
    (audio,) = SessionDescription.parse(ours(setup, direction).write()).media
    assert (audio.ice.usernameFragment, audio.ice.password) == ("ufra", "p" * 22)
    assert [(c.ip, c.port, c.type) for c in audio.ice_candidates] == [
        ("192.0.2.1", 40_000, "host"),
        ("198.51.100.1", 40_000, "srflx"),
    ]
    assert [(f.algorithm, f.value) for f in audio.dtls.fingerprints] == [FINGERPRINT]
    assert (SETUP_OF_ROLE[audio.dtls.role], audio.direction) == (setup, direction)
    assert [(c.payloadType, c.name, c.clockRate) for c in audio.rtp.codecs] == [
        (codec.payload_type, codec.name, codec.clock_hz) for codec in OUR_CODECS
    ]


def test_we_read_in_an_offer_of_aiortc_what_it_meant():
    async def offer():
        connection = RTCPeerConnection()
        connection.addTrack(AudioStreamTrack())
        await connection.setLocalDescription(await connection.createOffer())
        text = connection.localDescription.sdp
        await connection.close()
        return text

    text = run(offer())
    read, (audio,) = parse(text), SessionDescription.parse(text).media
    assert (read.ice.ufrag, read.ice.password) == (audio.ice.usernameFragment, audio.ice.password)
    assert read.fingerprints == tuple((f.algorithm, f.value.upper()) for f in audio.dtls.fingerprints)
    assert (read.setup, read.direction, read.mid) == (SETUP_OF_ROLE[audio.dtls.role], "sendrecv", audio.rtp.muxId)
    assert [c.payload_type for c in read.codecs] == [c.payloadType for c in audio.rtp.codecs]
