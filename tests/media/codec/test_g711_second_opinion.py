"""Both laws of G.711 as FFmpeg has them, whose tables are its own."""

import av
import numpy as np
import pytest

from agent.media.codec import g711
from agent.media.codec.g711 import G711Decoder, G711Encoder
from agent.media.codec.sender import PCMA, PCMU
from tests.media.sounds import frames, level_at, pcm_of, rms, tone

NAMES = {PCMU: "pcm_mulaw", PCMA: "pcm_alaw"}
EVERY_SAMPLE = np.arange(-32_768, 32_768, dtype=np.int16)


def decoded(law, codes):
    decoder = av.CodecContext.create(NAMES[law], "r")
    decoder.sample_rate, decoder.layout = 8_000, "mono"
    made = [*decoder.decode(av.Packet(codes)), *decoder.decode(None)]
    return np.concatenate([frame.to_ndarray().ravel() for frame in made])


def encoded(law, samples):
    encoder = av.CodecContext.create(NAMES[law], "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8_000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
    frame.sample_rate = 8_000
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


@pytest.mark.parametrize("law", NAMES)
def test_every_code_means_the_same(law):
    assert np.array_equal(g711._DECODED[law].astype(np.int16), decoded(law, bytes(range(256))))


@pytest.mark.parametrize("law", NAMES)
def test_every_sample_gets_a_code_that_is_as_near(law):
    ours = decoded(law, g711._ENCODED[law][EVERY_SAMPLE.view(np.uint16)].tobytes()).astype(int)
    theirs = decoded(law, encoded(law, EVERY_SAMPLE)).astype(int)
    wanted = EVERY_SAMPLE.astype(int)
    step = np.maximum(16, np.abs(wanted) // 16)
    assert np.all(np.abs(ours - wanted) <= np.maximum(step, 700 * (np.abs(wanted) > 32_000)))
    assert np.all(np.abs(ours - theirs) <= 2 * step)


@pytest.mark.parametrize("law", NAMES)
@pytest.mark.parametrize("level", [100, 1_000, 8_000, 30_000])
def test_what_one_side_says_the_other_hears_as_loud(law, level):
    said = tone(1_000, 0.5, level)
    encoder = G711Encoder(law)
    heard = decoded(law, b"".join(encoder.encode(frame) for frame in frames(said)))
    assert rms(heard[800:]) == pytest.approx(level / np.sqrt(2), rel=0.05)
    narrow = np.rint(level * np.sin(2 * np.pi * np.arange(4_000) / 8)).astype(np.int16)
    decoder, codes = G711Decoder(law), encoded(law, narrow)
    sound = pcm_of([decoder.decode(codes[at : at + 160]) for at in range(0, 4_000, 160)])
    assert level_at(sound[4_800:], 1_000) == pytest.approx(level, rel=0.05)
