"""The SDK's edits of session descriptions, with the vectors of its own tests."""

import pytest

from agent.media.sdp.munge import preferred_codec_info, remove_ice_lite, set_codec_preferences, set_max_average_bitrate

SEED_SECTION = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101\r\nc=IN IP4 0.0.0.0\r\nb={b}\r\na=mid:{mid}\r\n"
    "a=rtpmap:109 opus/48000/2\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 PCMA/16000\r\n"
)
CHROME_LIST = "111 63 103 104 9 0 8 106 105 13 110 112 113 126"
CHROME = (
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF " + CHROME_LIST + "\r\n"
    "c=IN IP4 0.0.0.0\r\nb=AS:64\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "a=rtpmap:63 red/48000/2\r\na=rtpmap:103 ISAC/16000\r\na=rtpmap:104 ISAC/32000\r\na=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:106 CN/32000\r\na=rtpmap:105 CN/16000\r\n"
    "a=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:112 telephone-event/32000\r\n"
    "a=rtpmap:113 telephone-event/16000\r\na=rtpmap:126 telephone-event/8000\r\n"
)


def payloads(sdp):
    return [" ".join(line.split()[3:]) for line in sdp.splitlines() if line.startswith("m=")]


@pytest.mark.parametrize("sections, b", [(1, "AS:64"), (2, "TIAS:64")])
def test_no_preference_changes_nothing(sections, b):
    sdp = "v=0\r\n" + "".join(SEED_SECTION.format(b=b, mid=n) for n in range(sections))
    assert set_codec_preferences(sdp, []) == sdp


@pytest.mark.parametrize("sections, b", [(1, "AS:64"), (2, "TIAS:64")])
def test_pcmu_first_moves_it_and_drops_the_bandwidth(sections, b):
    sdp = "v=0\r\n" + "".join(SEED_SECTION.format(b=b, mid=n) for n in range(sections))
    changed = set_codec_preferences(sdp, ["pcmu", "opus"])
    assert payloads(changed) == ["0 109 9 8 101"] * sections
    assert "b=" not in changed


@pytest.mark.parametrize(
    "preferences, expected, bandwidth_stays",
    [
        (["pcmu", "opus"], "0 111 63 103 104 9 8 106 105 13 110 112 113 126", False),
        (["PCMU"], "0 111 63 103 104 9 8 106 105 13 110 112 113 126", False),
        (["opus", "pcmu"], "111 0 63 103 104 9 8 106 105 13 110 112 113 126", True),
        (["opus"], CHROME_LIST, True),
        (["g722", "nope"], "9 111 63 103 104 0 8 106 105 13 110 112 113 126", True),
        ([], CHROME_LIST, True),
    ],
)
def test_browser_list_is_reordered(preferences, expected, bandwidth_stays):
    changed = set_codec_preferences(CHROME, preferences)
    assert payloads(changed) == [expected]
    assert ("b=AS:64" in changed) is bandwidth_stays


def test_only_the_payload_list_and_the_bandwidth_change():
    changed = set_codec_preferences(CHROME, ["pcmu", "opus"])
    assert len(changed) == len(CHROME) - len("b=AS:64\r\n")
    assert changed.endswith("\r\n")
    assert [x for x in changed.splitlines() if x[:2] != "m="] == [
        x for x in CHROME.splitlines() if x[:2] not in ("m=", "b=")
    ]


def test_static_payload_types_are_known_without_rtpmap():
    sdp = "m=audio 9 RTP/SAVPF 96 0 8\r\na=rtpmap:96 opus/48000/2\r\n"
    assert payloads(set_codec_preferences(sdp, ["pcmu", "opus"])) == ["0 96 8"]


def test_other_sections_are_left_alone():
    sdp = "m=application 9 DTLS/SCTP 5000\r\na=mid:1\r\n"
    assert set_codec_preferences(sdp, ["pcmu"]) == sdp


LINES = ["foo=a", "a=rtpmap:0 PCMU/8000", "a=rtpmap:1337 opus/48000/2", "a=fmtp:1337", "bar=b"]


@pytest.mark.parametrize("value, shown", [(12345, "12345"), (6000, "6000"), (510000, "510000"), (12345.5, "12345.5")])
def test_bitrate_is_appended_to_the_opus_parameters(value, shown):
    changed = set_max_average_bitrate("\n".join(LINES), value)
    assert changed.split("\n")[3] == f"a=fmtp:1337;maxaveragebitrate={shown}"


@pytest.mark.parametrize("value", [5999, 510001, 0, "20000", None, True, float("nan")])
def test_impossible_bitrate_changes_nothing(value):
    assert set_max_average_bitrate("\n".join(LINES), value) == "\n".join(LINES)


def test_payload_type_111_is_assumed_without_opus():
    sdp = "foo=a\na=rtpmap:0 PCMU/8000\na=fmtp:111\nbar=b"
    assert set_max_average_bitrate(sdp, 12345).split("\n")[2] == "a=fmtp:111;maxaveragebitrate=12345"


def test_bitrate_goes_before_the_carriage_return():
    assert "useinbandfec=1;maxaveragebitrate=20000\r\n" in set_max_average_bitrate(CHROME, 20000)


@pytest.mark.parametrize(
    "sdp, expected",
    [
        ("bar\na=ice-lite\nfoo", "bar\nfoo"),
        ("a=group\nfoo\na=ice-options:trickle-ice\n", "a=group\nfoo\na=ice-options:trickle-ice\n"),
    ],
)
def test_ice_lite_is_removed(sdp, expected):
    assert remove_ice_lite(sdp) == expected


def test_preferred_codec_is_the_first_rtpmap():
    sdp = "a=rtpmap:1337 opus/48000/2\na=rtpmap:0 PCMU/8000\na=fmtp:0\na=fmtp:1337 maxaveragebitrate=12000;usedtx=0\n"
    assert preferred_codec_info(sdp) == ("opus/48000/2", "maxaveragebitrate=12000;usedtx=0")


def test_preferred_codec_ignores_the_payload_order():
    assert preferred_codec_info(set_codec_preferences(CHROME, ["pcmu"])) == (
        "opus/48000/2",
        "minptime=10;useinbandfec=1",
    )


def test_without_a_codec_nothing_is_known_of_it():
    assert preferred_codec_info("v=0\r\n") == ("", "")
