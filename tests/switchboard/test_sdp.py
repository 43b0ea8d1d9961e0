"""What the switchboard reads and edits in session descriptions."""

from __future__ import annotations

from agent.switchboard import sdp

CHROMIUM = (
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0 111 63 110 126\r\na=ice-ufrag:piWX\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n"
)


def test_codecs_come_in_the_order_of_the_payload_list() -> None:
    assert sdp.codecs(CHROMIUM) == ("pcmu", "opus")
    assert sdp.codecs(CHROMIUM.replace("0 111 63", "111 0 63")) == ("opus", "pcmu")
    assert sdp.codecs("") == ()


def test_a_codec_that_is_not_kept_leaves_no_trace() -> None:
    only_opus = sdp.keep_codecs(CHROMIUM, ("opus",))
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 110 126\r\n" in only_opus and "PCMU" not in only_opus
    only_pcmu = sdp.keep_codecs(CHROMIUM, ("pcmu",))
    assert sdp.codecs(only_pcmu) == ("pcmu",) and ":111 " not in only_pcmu
    assert sdp.keep_codecs(CHROMIUM, ("opus", "pcmu")) == CHROMIUM


def test_attributes_are_read_by_name() -> None:
    assert sdp.attribute(CHROMIUM, "ice-ufrag") == "piWX"
    assert sdp.attribute(CHROMIUM, "fingerprint") == ""
