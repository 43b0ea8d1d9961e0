"""Offers and answers in the shape in which other makes write them: each is answered validly, or refused with a reason.

The bodies are our own; their lines are those that rtpengine, Asterisk, FreeSWITCH, mediasoup and SIP clients in
browsers are known to send. The second opinion on what we answer is aiortc's.
"""

import pytest
from aiortc.sdp import SessionDescription

from agent.errors import SdpError
from agent.media.sdp.description import REVERSED, IceParameters
from agent.media.sdp.offer_answer import OfferAnswer
from agent.media.sdp.parse import parse
from agent.media.settings import MediaSettings

PRINT = ":".join(["A1", "0F"] * 16)
LONG_PRINT = ":".join(["5C"] * 64)
OURS = IceParameters("uOUR", "w" * 22, ("1 1 udp 2130706431 192.0.2.7 40000 typ host",))


def written(text):
    return text.format(print=PRINT, long=LONG_PRINT).strip().replace("\n", "\r\n") + "\r\n"


def head(user="-", name="-", *session):
    lines = [f"o={user} 1732900000 1732900001 IN IP4 198.51.100.20", f"s={name}", *session, "t=0 0"]
    return "v=0\n" + "\n".join(lines) + "\n"


KEYS = "a=ice-ufrag:{ufrag}\na=ice-pwd:0123456789abcdef01234567\n"
HOSTS = (
    "a=candidate:k3uX0aq 1 UDP 2130706431 198.51.100.20 30226 typ host\n"
    "a=candidate:k3uX0aq 2 UDP 2130706430 198.51.100.20 30227 typ host\n"
)

RTPENGINE_OFFER = head().replace("t=0 0\n", "c=IN IP4 198.51.100.20\nt=0 0\na=tool:phone 1\n") + """\
m=audio 30226 UDP/TLS/RTP/SAVPF 0 8 96 97 101
a=label:1
a=rtcp-rsize
a=ssrc:2658390628 cname:somebody
a=minptime:20
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=mid:1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:96 opus/48000/2
a=rtpmap:97 telephone-event/48000
a=fmtp:97 0-15
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
a=rtcp:30227
a=rtcp-mux
a=setup:actpass
a=fingerprint:sha-256 {print}
a=ptime:20
a=ice-ufrag:eHW4Tlnw
a=ice-pwd:jWbzT9vZ7msuYKRzAOk91wE7l5
""" + HOSTS

ASTERISK_OFFER = head("-", "Asterisk", "c=IN IP4 198.51.100.20") + """\
a=msid-semantic:WMS *
a=group:BUNDLE audio-0
m=audio 17654 UDP/TLS/RTP/SAVPF 107 8 0 101
a=connection:new
a=setup:actpass
a=fingerprint:SHA-256 {print}
a=ice-ufrag:4e6d1a0b7d3a1c2f5a1b0e8c4d9f7a63
a=ice-pwd:0b6f2f1d3c9a4b7e5d8c1a2f3e4d5c6b
a=candidate:Hc6336414 1 UDP 2130706431 198.51.100.20 17654 typ host
a=candidate:S5bd9ab6f 1 UDP 1694498815 203.0.113.9 17654 typ srflx raddr 198.51.100.20 rport 17654
a=rtpmap:107 opus/48000/2
a=fmtp:107 useinbandfec=1
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:140
a=sendrecv
a=rtcp-mux
a=ssrc:1190391921 cname:6c2b2a4e
a=msid:8f8d 2ac1
a=rtcp-fb:* transport-cc
a=mid:audio-0
"""

ASTERISK_WITHOUT_MUX = head("-", "Asterisk", "c=IN IP4 198.51.100.20") + """\
m=audio 17654 RTP/SAVPF 8 101 13
a=connection:new
a=setup:actpass
a=fingerprint:SHA-256 {print}
a=ice-ufrag:4e6d1a0b7d3a1c2f
a=ice-pwd:0b6f2f1d3c9a4b7e5d8c1a2f3e4d5c6b
a=candidate:Hc6336414 1 UDP 2130706431 198.51.100.20 17654 typ host
a=candidate:Hc6336414 2 UDP 2130706430 198.51.100.20 17655 typ host
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=rtpmap:13 CN/8000
a=ptime:20
a=sendrecv
"""

FREESWITCH_OFFER = head("FreeSWITCH", "FreeSWITCH", "c=IN IP4 198.51.100.20").replace("1732900001", "1732900009") + """\
a=msid-semantic: WMS KrHqAnnO
m=audio 18822 UDP/TLS/RTP/SAVPF 102 9 0 8 103 101 13
a=rtpmap:102 opus/48000/2
a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20; minptime=10; maxptime=40; stereo=1
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:103 telephone-event/48000
a=fmtp:103 0-16
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=rtpmap:13 CN/8000
a=fingerprint:sha-256 {print}
a=setup:actpass
a=rtcp-mux
a=rtcp:18822 IN IP4 198.51.100.20
a=ssrc:1764433912 cname:eNRF15j4
a=ssrc:1764433912 msid:KrHqAnnO a0
a=ssrc:1764433912 mslabel:KrHqAnnO
a=ssrc:1764433912 label:KrHqAnnOa0
a=ice-ufrag:xk8ysZVjNfMD2S47
a=ice-pwd:vMDmHMgXml8mh5QFfP4yEPIi
a=candidate:4675497418 1 udp 2130706431 198.51.100.20 18822 typ host generation 0
a=candidate:4675497418 2 udp 2130706431 198.51.100.20 18822 typ host generation 0
a=end-of-candidates
a=ptime:20
"""

WITH_VIDEO_FIRST = FREESWITCH_OFFER.replace("m=audio", """\
m=video 18900 UDP/TLS/RTP/SAVPF 96
b=AS:1024
a=rtpmap:96 VP8/90000
m=audio""").replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF")

BOTH_SECURITIES = head("FreeSWITCH", "FreeSWITCH", "c=IN IP4 198.51.100.20") + """\
m=audio 18822 UDP/TLS/RTP/SAVP 8 101
a=rtpmap:101 telephone-event/8000
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj
a=fingerprint:sha-1 00:11:22:33
a=fingerprint:sha-256 {print}
a=setup:passive
a=rtcp-mux
a=ice-ufrag:xk8ysZVjNfMD2S47
a=ice-pwd:vMDmHMgXml8mh5QFfP4yEPIi
a=candidate:1 1 udp 2130706431 198.51.100.20 18822 typ host
m=audio 18824 RTP/AVP 8 101
a=rtpmap:101 telephone-event/8000
"""

LITE_OFFER = head("mediasoup", "-", "a=ice-lite", "a=fingerprint:sha-512 {long}", "a=msid-semantic: WMS *").replace(
    "t=0 0\n", "t=0 0\na=group:BUNDLE 0 1\na=setup:actpass\na=ice-ufrag:lite\na=ice-pwd:0123456789abcdef01234567\n"
) + """\
m=audio 7 UDP/TLS/RTP/SAVPF 100
c=IN IP4 127.0.0.1
a=rtpmap:100 opus/48000/2
a=fmtp:100 minptime=10;useinbandfec=1
a=mid:0
a=recvonly
a=candidate:udpcandidate 1 udp 1076302079 198.51.100.20 40533 typ host
a=candidate:tcpcandidate 1 tcp 1076276479 198.51.100.20 40534 typ host tcptype passive
a=end-of-candidates
a=ice-options:renomination
a=rtcp-mux
a=rtcp-rsize
m=application 7 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 127.0.0.1
a=mid:1
a=sctp-port:5000
"""

BROWSER_PHONE_OFFER = head("mozilla...THIS_IS_SDPARTA-99.0", "-", "a=sendrecv").replace("t=0 0\n", """\
t=0 0
a=fingerprint:sha-256 {print}
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
""") + """\
m=audio 54321 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 203.0.113.5
a=candidate:0 1 UDP 2122187007 0d2c6d59-1c06-4dbe-a8a2-0d7d1c5c6a50.local 54321 typ host
a=candidate:1 1 UDP 2122252543 2001:db8::5 54322 typ host
a=candidate:2 1 TCP 2105458943 203.0.113.5 9 typ host tcptype active
a=candidate:0 2 UDP 2122187006 203.0.113.5 54323 typ host
a=sendrecv
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:6f0c6ad1b7b24e3a8a6d9f1f7d3c2b1a
a=ice-ufrag:51b2c3d4
a=mid:0
a=msid:- {{8f2}}
a=rtcp:54323 IN IP4 203.0.113.5
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:2655508255 cname:{{735484ea}}
"""

CONFERENCE_OFFER = head().replace("t=0 0\n", "t=0 0\na=msid-semantic: WMS *\na=group:BUNDLE audio video\n") + """\
m=audio 1 RTP/SAVPF 111 103 126
c=IN IP4 0.0.0.0
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:103 ISAC/16000
a=rtpmap:126 telephone-event/8000
a=rtcp:1 IN IP4 0.0.0.0
a=setup:actpass
a=mid:audio
a=sendrecv
a=ice-ufrag:conf1
a=ice-pwd:0123456789abcdef01234567
a=fingerprint:sha-256 {print}
a=candidate:1 1 udp 2130706431 198.51.100.20 10000 typ host generation 0
a=candidate:2 1 udp 1677724415 203.0.113.9 10000 typ srflx raddr 198.51.100.20 rport 10000 generation 0
a=rtcp-mux
m=video 1 RTP/SAVPF 100
c=IN IP4 0.0.0.0
a=rtpmap:100 VP8/90000
a=setup:actpass
a=mid:video
a=sendrecv
a=ice-ufrag:conf1
a=ice-pwd:0123456789abcdef01234567
a=fingerprint:sha-256 {print}
a=rtcp-mux
"""

OFFERS = {
    "rtpengine": RTPENGINE_OFFER,
    "rtpengine with A-law alone": RTPENGINE_OFFER.replace("SAVPF 0 8 96 97 101", "SAVPF 8 101"),
    "rtpengine on hold": RTPENGINE_OFFER.replace("a=sendrecv", "a=sendonly"),
    "Asterisk": ASTERISK_OFFER,
    "Asterisk on hold": ASTERISK_OFFER.replace("a=sendrecv", "a=inactive"),
    "Asterisk without rtcp-mux, in A-law with comfort noise": ASTERISK_WITHOUT_MUX,
    "FreeSWITCH": FREESWITCH_OFFER,
    "FreeSWITCH of an older kind": FREESWITCH_OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"),
    "FreeSWITCH with 30 ms": FREESWITCH_OFFER.replace("a=ptime:20", "a=ptime:30\nb=AS:64\na=maxptime:60"),
    "FreeSWITCH with video in front": WITH_VIDEO_FIRST,
    "FreeSWITCH with SDES beside and a plain section behind": BOTH_SECURITIES,
    "mediasoup": LITE_OFFER,
    "a SIP client in Firefox": BROWSER_PHONE_OFFER,
    "a conference bridge": CONFERENCE_OFFER,
}


def answerer():
    settings = MediaSettings(codec_preferences=("opus", "pcmu"))
    return OfferAnswer(settings, ("sha-256", PRINT), 99, "us", for_sip=True)


def sections(sdp):
    first, *found = sdp.split("m=")
    return first, [section.split("\r\n") for section in found]


def values(lines, name):
    return [line[len(name) + 3 :] for line in lines if line.startswith(f"a={name}:")]


def numbers(lines):
    static = {"0": "PCMU/8000", "8": "PCMA/8000"}
    maps = static | dict(value.split(" ", 1) for value in values(lines, "rtpmap"))
    return {number: maps.get(number, "").lower().removesuffix("/1") for number in lines[0].split()[3:]}


def check(offer, answer):
    """RFC 3264, 5761, 5763, 5888, 8843: what an answer may say to this offer."""
    (offered_head, offered), (head_, answered) = sections(offer), sections(answer)
    assert [lines[0].split()[0] for lines in offered] == [lines[0].split()[0] for lines in answered]
    assert [lines[0].split()[2] for lines in offered] == [lines[0].split()[2] for lines in answered]
    taken = [n for n, lines in enumerate(answered) if lines[0].split()[1] != "0"]
    assert len(taken) == 1
    asked, said = offered[taken[0]], answered[taken[0]]
    assert numbers(said).items() <= numbers(asked).items() and numbers(said)
    everything = [*offered_head.split("\r\n"), *asked]
    assert ("a=rtcp-mux" in said) <= ("a=rtcp-mux" in asked)
    assert all(values(one, "mid") == values(other, "mid") for one, other in zip(offered, answered, strict=True))
    assert ("a=group:BUNDLE" in head_) <= ("a=group:BUNDLE" in offered_head)
    role = (values(asked, "setup") or values(everything, "setup"))[0]
    assert values(said, "setup")[0] in {"actpass": ("active", "passive"), "passive": ("active",)}[role]
    words = [line[2:] for line in asked if line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive")] or ["sendrecv"]
    assert f"a={REVERSED.get(words[0], words[0])}" in said
    assert not values(said, "crypto")
    assert "0.0.0.0" not in "".join(line for line in said if line.startswith(("c=", "a=rtcp:")))


@pytest.mark.parametrize("make", OFFERS)
def test_offer_of_each_make_gets_a_valid_answer(make):
    offer = written(OFFERS[make])
    one = answerer()
    text, agreement = one.answer(one.read(offer), OURS)
    check(offer, text)
    assert agreement.fingerprints and agreement.send_codec.kind in ("opus", "PCMU", "PCMA")
    assert parse(text).ice.credentials == OURS.credentials


@pytest.mark.parametrize("make", OFFERS)
def test_aiortc_reads_in_our_answer_what_we_meant(make):
    one = answerer()
    text, agreement = one.answer(one.read(written(OFFERS[make])), OURS)
    audio = next(each for each in SessionDescription.parse(text).media if each.kind == "audio" and each.port)
    assert (audio.host, audio.port) == ("192.0.2.7", 40_000)
    assert audio.rtcp_mux == agreement.has_rtcp_mux
    assert audio.dtls.role == ("client" if agreement.dtls_client else "server")
    assert [(codec.payloadType, codec.name.lower()) for codec in audio.rtp.codecs] == [
        (codec.payload_type, codec.name.lower()) for codec in agreement.receivable
    ]


def as_answer(offer, setup="active"):
    return offer.replace("a=setup:actpass", f"a=setup:{setup}")


ANSWERS = {
    "rtpengine": as_answer(RTPENGINE_OFFER).replace("SAVPF 0 8 96 97 101", "SAVPF 8 101"),
    "Asterisk": as_answer(ASTERISK_OFFER, "passive"),
    "Asterisk without rtcp-mux": as_answer(ASTERISK_WITHOUT_MUX),
    "FreeSWITCH": as_answer(FREESWITCH_OFFER),
    "FreeSWITCH without a role": FREESWITCH_OFFER.replace("a=setup:actpass\n", ""),
    "mediasoup": as_answer(LITE_OFFER, "passive"),
    "a SIP client in Firefox": as_answer(BROWSER_PHONE_OFFER),
}


@pytest.mark.parametrize("make", ANSWERS)
def test_answer_of_each_make_is_taken(make):
    caller = answerer()
    caller.offer(OURS)
    answer = caller.read(written(ANSWERS[make]))
    agreement = caller.accept_answer(answer)
    assert agreement.dtls_client == ("passive" in ANSWERS[make])
    assert answer.ice.lite == ("ice-lite" in ANSWERS[make])
    assert agreement.has_rtcp_mux == ("a=rtcp-mux" in ANSWERS[make])
    if "101" in ANSWERS[make] and make != "mediasoup":
        assert agreement.event_codec is not None


def test_digits_have_the_clock_that_fits_the_sound():
    one = answerer()
    assert one.answer(one.read(written(FREESWITCH_OFFER)), OURS)[1].event_codec.payload_type == 103
    one = OfferAnswer(MediaSettings(codec_preferences=("pcma",)), ("sha-256", PRINT), 99, "us")
    agreement = one.answer(one.read(written(FREESWITCH_OFFER)), OURS)[1]
    assert (agreement.send_codec.kind, agreement.event_codec.payload_type) == ("PCMA", 101)


REFUSED = {
    "plain audio": (RTPENGINE_OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "no encrypted audio"),
    "SDES alone": (
        BOTH_SECURITIES.replace("a=fingerprint:sha-1 00:11:22:33\n", "").replace("a=fingerprint:sha-256 {print}\n", ""),
        "fingerprint",
    ),
    "SHA-1 alone": (RTPENGINE_OFFER.replace("sha-256 {print}", "sha-1 00:11"), "sha-1"),
    "a role for later": (RTPENGINE_OFFER.replace("actpass", "holdconn"), "setup:holdconn"),
    "audio that is taken away": (RTPENGINE_OFFER.replace("m=audio 30226", "m=audio 0"), "no encrypted audio"),
    "codecs of which we speak none": (RTPENGINE_OFFER.replace("0 8 96 97 101", "9 18 101"), "neither Opus"),
    "no ICE": (RTPENGINE_OFFER.replace("a=ice-ufrag:eHW4Tlnw\n", ""), "ICE"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_offer_that_cannot_be_answered_is_refused_with_the_reason(what):
    text, why = REFUSED[what]
    with pytest.raises(SdpError, match=why):
        answerer().read(written(text))
