"""Which codecs are offered and answered, and the copies of Opus among them."""

import pytest

from agent.media.sdp.codecs import answer_codecs
from agent.media.sdp.description import IceParameters
from agent.media.sdp.offer_answer import OfferAnswer
from agent.media.sdp.parse import parse
from agent.media.settings import MediaSettings

from .test_sdp import CHROMIUM_OFFER, without


def test_answer_takes_only_what_we_speak_with_the_offers_numbers():
    codecs = answer_codecs(parse(CHROMIUM_OFFER.replace("111", "96")).codecs)
    assert [(c.payload_type, c.name) for c in codecs] == [
        (96, "opus"),
        (63, "red"),
        (0, "PCMU"),
        (8, "PCMA"),
        (110, "telephone-event"),
        (126, "telephone-event"),
    ]


def offer_of():
    return OfferAnswer(MediaSettings(), ("sha-256", "AA:BB:CC"), 99, "us")


def audio_line(text):
    return next(line for line in text.splitlines() if line.startswith("m=audio"))


@pytest.mark.parametrize(("preferences", "order"), [(("opus", "pcmu"), "111 0 63 8"), (("pcmu", "opus"), "0 111 63 8"),
                                                    (("opus",), "111 63 0 8")])  # fmt: skip
def test_copies_of_opus_are_offered_where_the_sdk_in_chromium_lists_them(preferences, order):
    ours = OfferAnswer(MediaSettings(codec_preferences=preferences), ("sha-256", "AA:BB:CC"), 99, "us")
    text = ours.offer(IceParameters("ufrag", "p" * 22))
    assert audio_line(text).split()[3:] == [*order.split(), "110", "126"]
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in text


def test_offered_copies_are_taken_from_anybody():
    text, agreement = offer_of().answer(parse(CHROMIUM_OFFER), IceParameters("ufrag", "p" * 22))
    assert (agreement.send_codec.payload_type, agreement.red_codec.payload_type) == (111, 63)
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in text
    assert sorted(audio_line(text).split()[3:]) == sorted(["111", "63", "0", "8", "110", "126"])
    assert audio_line(text).split()[3] == "111"


@pytest.mark.parametrize(
    ("written", "changed"),
    [
        ("a=fmtp:63 111/111", "a=fmtp:63 0/0"),
        ("a=fmtp:63 111/111", "a=fmtp:63 111/0"),
        ("a=fmtp:63 111/111\r\n", ""),
        ("red/48000/2", "red/8000"),
        ("opus/48000/2", "speex/48000/2"),
    ],
)
def test_copies_of_anything_but_opus_are_not_taken(written, changed):
    assert written in CHROMIUM_OFFER
    offer = parse(CHROMIUM_OFFER.replace(written, changed))
    text, agreement = offer_of().answer(offer, IceParameters("ufrag", "p" * 22))
    assert agreement.red_codec is None and "red/" not in text


def test_answer_without_copies_means_none():
    ours = offer_of()
    ours.offer(IceParameters("ufrag", "p" * 22))
    answer = without(":63").replace(" 63 ", " ").replace("actpass", "active")
    assert ours.accept_answer(parse(answer)).red_codec is None


def test_copies_keep_their_number_in_a_further_offer():
    ice = IceParameters("ufrag", "p" * 22)
    ours = offer_of()
    ours.answer(parse(CHROMIUM_OFFER.replace("63", "122").replace("111", "96")), ice)
    for everything in (True, False):
        text = ours.offer(ice, everything=everything)
        assert text.count("red/48000/2") == 1
        assert "a=rtpmap:122 red/48000/2\r\na=fmtp:122 96/96\r\n" in text
