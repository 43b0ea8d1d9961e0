"""Reading and writing the descriptions of one audio call."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import SdpError
from agent.media.sdp.codecs import OUR_CODECS, Codec
from agent.media.sdp.description import IceParameters, RejectedSection
from agent.media.sdp.offer_answer import OfferAnswer
from agent.media.sdp.parse import parse
from agent.media.sdp.write import LocalDescription
from agent.media.settings import MediaSettings

CHROMIUM_OFFER = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS stream
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:Q9eL
a=ice-pwd:0vXjHhVn3c8K7nZlT6Lq5w2M
a=ice-options:trickle
a=fingerprint:sha-256 AA:BB:CC
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:stream track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1234 cname:abc
""".replace("\n", "\r\n")


def without(name):
    return "".join(line for line in CHROMIUM_OFFER.splitlines(True) if name not in line)


def local(**changes):
    description = LocalDescription(
        session_id=7,
        version=1,
        ice=IceParameters("ufra", "p" * 22, ("1 1 udp 5 192.0.2.1 4000 typ host",)),
        fingerprints=(("sha-256", "AA:BB"),),
        setup="actpass",
        codecs=OUR_CODECS,
        ssrc=99,
        cname="us",
    )
    return replace(description, **changes)


def test_browser_offer_is_understood():
    offer = parse(CHROMIUM_OFFER)
    assert (offer.ice.ufrag, offer.ice.candidates, offer.ice.lite) == ("Q9eL", (), False)
    assert offer.setup == "actpass" and offer.mid == "0" and offer.direction == "sendrecv"
    assert [codec.payload_type for codec in offer.codecs] == [111, 63, 9, 0, 8, 13, 110, 126]
    assert offer.codec("opus").parameters == {"minptime": "10", "useinbandfec": "1"}
    assert offer.session_id == 4611731400430051336


def test_our_description_looks_like_a_browsers():
    lines = local().write().split("\r\n")
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110 126" in lines
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in lines
    assert "a=ice-options:trickle" in lines and "a=rtcp-mux" in lines and "a=group:BUNDLE 0" in lines
    assert lines[-1] == ""


def test_what_we_write_we_can_read():
    read = parse(local().write())
    assert read.ice == local().ice and read.codecs == OUR_CODECS and read.fingerprints == local().fingerprints


def test_longer_packets_are_announced():
    assert parse(local(ptime_ms=60).write()).ptime_ms == 60
    assert "a=ptime" not in local().write()


def test_further_sections_are_answered_with_port_zero_in_their_place():
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n"
    head, audio = CHROMIUM_OFFER.split("m=audio")
    offer = parse(head + video + "m=audio" + audio)
    assert offer.others == (RejectedSection("m=video 0 UDP/TLS/RTP/SAVPF 96", "v"),)
    answer = local(others=offer.others, audio_index=offer.audio_index).write()
    assert answer.index("m=video 0") < answer.index("m=audio 9")


def test_session_level_keys_count_for_the_section():
    moved = without("a=fingerprint").replace("t=0 0\r\n", "t=0 0\r\na=fingerprint:sha-256 11:22\r\na=ice-lite\r\n")
    offer = parse(moved)
    assert offer.fingerprints == (("sha-256", "11:22"),) and offer.ice.lite


def test_fingerprint_of_the_section_goes_before_the_sessions():
    both = CHROMIUM_OFFER.replace("t=0 0\r\n", "t=0 0\r\na=fingerprint:sha-256 11:22\r\n")
    assert parse(both).fingerprints == (("sha-256", "AA:BB:CC"),)


@pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP"])
def test_profile_of_an_offer_is_that_of_its_answer(profile):
    offer = parse(CHROMIUM_OFFER.replace("UDP/TLS/RTP/SAVPF", profile))
    answerer = OfferAnswer(MediaSettings(), ("sha-256", "AA:BB"), 99, "us")
    assert f"m=audio 9 {profile} 111" in answerer.answer(offer, local().ice)[0]


def test_answer_without_a_role_leaves_us_the_servers():
    caller = OfferAnswer(MediaSettings(), ("sha-256", "AA:BB"), 99, "us")
    caller.offer(local().ice)
    assert not caller.accept_answer(parse(without("a=setup"))).dtls_client


def test_pcma_alone_is_enough():
    offer = parse(CHROMIUM_OFFER.replace("SAVPF 111 63 9 0 8 13 110 126", "SAVPF 8 126"))
    answerer = OfferAnswer(MediaSettings(), ("sha-256", "AA:BB"), 99, "us")
    text, agreement = answerer.answer(offer, local().ice)
    assert "SAVPF 8 126\r\n" in text and agreement.send_codec.kind == "PCMA"


BOTH_HASHES = "a=fingerprint:sha-512 DD:EE\r\na=fingerprint:sha-256 AA:BB:CC"


@pytest.mark.parametrize(
    ("hashes", "accepted"),
    [
        ("a=fingerprint:sha-256 AA:BB:CC", True),
        ("a=fingerprint:sha-256 aa:bb:cc", True),
        (BOTH_HASHES, True),
        (BOTH_HASHES.replace("AA", "FF"), False),
        ("a=fingerprint:sha-512 DD:EE", True),
        ("a=fingerprint:sha-256 FF:BB:CC", False),
    ],
)
def test_the_same_certificate_may_have_another_list_of_hashes_at_a_restart(hashes, accepted):
    answerer = OfferAnswer(MediaSettings(), ("sha-256", "AA:BB"), 99, "us")
    answerer.answer(answerer.read(CHROMIUM_OFFER), local().ice)
    again = CHROMIUM_OFFER.replace("a=fingerprint:sha-256 AA:BB:CC", hashes)
    if accepted:
        assert answerer.read(again)
    else:
        with pytest.raises(SdpError, match="certificate"):
            answerer.read(again)


def test_static_payload_type_needs_no_rtpmap():
    assert Codec(0, "PCMU", 8000) in parse(without("a=rtpmap:0 ")).codecs


@pytest.mark.parametrize(
    "sdp, why",
    [
        (None, "no session description"),
        ("", "no session description"),
        ("hello", "no encrypted audio"),
        ("v=0\r\n" + "a=x\r\n" * 20_000, "characters"),
        (CHROMIUM_OFFER.replace("m=audio 9", "m=audio 0"), "no encrypted audio"),
        (CHROMIUM_OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "no encrypted audio"),
        (CHROMIUM_OFFER.replace("m=audio", "m=video"), "no encrypted audio"),
        (without("a=fingerprint"), "fingerprint"),
        (CHROMIUM_OFFER.replace("sha-256 AA", "sha-1 AA"), "sha-1"),
        (CHROMIUM_OFFER.replace("sha-256 AA", "MD5 AA"), "md5"),
        (CHROMIUM_OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVP").replace("a=fingerprint", "a=x"), "fingerprint"),
        (without("a=ice-ufrag"), "ICE"),
        (without("a=ice-pwd"), "ICE"),
        (CHROMIUM_OFFER.replace("0vXjHhVn3c8K7nZlT6Lq5w2M", "short"), "ICE"),
        (CHROMIUM_OFFER.replace("a=setup:actpass", "a=setup:boss"), "setup"),
        (CHROMIUM_OFFER.replace("SAVPF 111 63 9 0 8 13 110 126", "SAVPF 9 126"), "neither Opus nor PCMU nor PCMA"),
        (CHROMIUM_OFFER.replace("SAVPF 111", "SAVPF 9999 111"), "cannot be read"),
        (CHROMIUM_OFFER.replace("SAVPF 111", "SAVPF x 111"), "cannot be read"),
        (CHROMIUM_OFFER.replace("opus/48000/2", "opus"), "cannot be read"),
        (CHROMIUM_OFFER.replace("opus/48000/2", "opus/-/2"), "cannot be read"),
    ],
)
def test_unusable_description_is_refused_with_the_reason(sdp, why):
    with pytest.raises(SdpError, match=why):
        parse(sdp)


def test_absurdly_many_candidates_are_cut():
    many = "".join(f"a=candidate:{n} 1 udp 1 192.0.2.1 {n + 1} typ host\r\n" for n in range(500))
    assert len(parse(CHROMIUM_OFFER + many).ice.candidates) == 64


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_description_is_refused_or_understood_but_never_breaks(data):
    lines = CHROMIUM_OFFER.splitlines(True)
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        at = data.draw(st.integers(0, len(lines[index])))
        junk = data.draw(st.text(max_size=12))
        lines[index] = data.draw(st.sampled_from(["", lines[index][:at] + junk, junk + lines[index][at:]]))
    try:
        parse("".join(lines))
    except SdpError as error:
        assert str(error)


@pytest.mark.parametrize("word", ["active", "Active", " ACTIVE ", "aCtIvE\t"])
def test_role_is_understood_however_it_is_written_and_the_other_one_is_answered(word):
    offer = parse(CHROMIUM_OFFER.replace("a=setup:actpass", f"a=setup:{word}"))
    assert offer.setup == "active"
    text, agreement = OfferAnswer(MediaSettings(), ("sha-256", "AA"), 1, "x").answer(offer, IceParameters("u", "p"))
    assert "a=setup:passive\r\n" in text
    assert not agreement.dtls_client


@pytest.mark.parametrize(
    "lines",
    [
        "a=fingerprint:SHA-256 aa:bb:cc\r\n",
        "a=fingerprint: sha-256\taA:Bb:cC \r\n",
        "a=fingerprint:md5 11:22\r\na=fingerprint:SHA-256 aa:bb:cc\r\na=fingerprint:sha-1 33\r\n",
        "a=fingerprint:sha-256 AA:BB:CC\r\na=fingerprint:Sha-256 aa:bb:cc\r\n",
    ],
)
def test_fingerprints_are_understood_in_either_case_and_among_others(lines):
    offer = parse(CHROMIUM_OFFER.replace("a=fingerprint:sha-256 AA:BB:CC\r\n", lines))
    assert [each for each in offer.fingerprints if each[0] == "sha-256"] == [("sha-256", "AA:BB:CC")]


@pytest.mark.parametrize("where", ["session", "section", "both"])
@pytest.mark.parametrize(
    ("text", "longest_ms"),
    [
        ("20", 20),
        ("20.0", 20),
        (" 40", 40),
        ("62.5", 62),
        ("999", 120),
        ("0", 120),
        ("-5", 120),
        ("x", 120),
        ("1e1", 120),
    ],
)
def test_longest_packet_is_read_wherever_it_stands_with_or_without_a_fraction(where, text, longest_ms):
    line = f"a=maxptime:{text}\r\n"
    sdp = CHROMIUM_OFFER.replace("t=0 0\r\n", "t=0 0\r\n" + (line if where == "session" else ""))
    if where == "both":
        sdp = sdp.replace("t=0 0\r\n", "t=0 0\r\na=maxptime:10\r\n")
    assert parse(sdp + (line if where != "session" else "")).longest_packet_ms == longest_ms


def test_what_parts_number_and_codec_may_be_any_blank():
    sdp = CHROMIUM_OFFER.replace("a=rtpmap:111 opus", "a=rtpmap:111\topus").replace("a=fmtp:111 ", "a=fmtp:111  ")
    offer = parse(sdp + "a=rtpmap:\r\na=fmtp: \r\na=rtpmap:9\r\n")
    assert offer.codecs[0].kind == "opus" and offer.codecs[0].parameters["useinbandfec"] == "1"
