"""Every WAV file that a sound editor writes is read; of the others it is said what to do."""

from __future__ import annotations

import resource
import struct
from pathlib import Path

import numpy as np
import pytest

from hw.errors import ToneError
from hw.sound.wav_files import MOST_KEPT_S, WavReader, load_pcm
from hw.sound.wav_sound import PcmSource
from tests.hw.sound.test_wav_sound import loudest_hz

PCM, FLOAT, MU_LAW, EXTENSIBLE = 1, 3, 7, 0xFFFE
TAIL = bytes.fromhex("000000001000800000aa00389b71")
HZ = 440


def fmt(kind: int, channels: int, rate: int, width: int, valid_bits: int = 0, *, extensible: bool = False) -> bytes:
    """The chunk `fmt `, of 16 bytes or, extensible, of 40."""
    block = channels * width
    head = struct.pack("<HHIIHH", EXTENSIBLE if extensible else kind, channels, rate, rate * block, block, 8 * width)
    if extensible:
        head += struct.pack("<HHIH", 22, valid_bits or 8 * width, 0, kind) + TAIL
    return struct.pack("<4sI", b"fmt ", len(head)) + head


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def data(samples: bytes, size: int | None = None) -> bytes:
    return struct.pack("<4sI", b"data", len(samples) if size is None else size) + samples


def tone(kind: int, channels: int, rate: int, width: int) -> bytes:
    """One second at half of full scale."""
    wave = np.repeat(np.sin(2 * np.pi * HZ * np.arange(rate) / rate) * 0.5, channels)
    if kind == FLOAT:
        return wave.astype(f"<f{width}").tobytes()
    if width == 1:
        return (wave * 127 + 128).astype(np.uint8).tobytes()
    whole = (wave * 2**31).astype("<i4").view(np.uint8).reshape(-1, 4)
    return whole[:, 4 - width :].tobytes()


def check(path: Path) -> None:
    pcm = load_pcm(path)
    assert len(pcm) == pytest.approx(96_000, abs=8)
    assert loudest_hz(pcm) == pytest.approx(HZ, abs=2)
    assert np.abs(np.frombuffer(pcm, "<i2")).max() == pytest.approx(16_384, rel=0.03)


@pytest.mark.parametrize("extensible", [False, True], ids=["plain", "extensible"])
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("kind", "width"), [(PCM, 1), (PCM, 2), (PCM, 3), (PCM, 4), (FLOAT, 4), (FLOAT, 8)])
def test_any_width_rate_and_channel_count_is_read(
    tmp_path: Path, kind: int, width: int, channels: int, rate: int, extensible: bool
) -> None:
    path = tmp_path / "bell.wav"
    header = fmt(kind, channels, rate, width, extensible=extensible)
    path.write_bytes(riff(header, data(tone(kind, channels, rate, width))))

    check(path)


def test_what_is_in_our_own_format_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    every = np.arange(-32_768, 32_768, dtype="<i2").tobytes()
    path.write_bytes(riff(GOOD, data(every)))

    assert load_pcm(path) == every


def test_twenty_bits_in_three_bytes_are_as_loud_as_twenty_four(tmp_path: Path) -> None:
    path = tmp_path / "bell.wav"
    path.write_bytes(riff(fmt(PCM, 2, 48_000, 3, valid_bits=20, extensible=True), data(tone(PCM, 2, 48_000, 3))))

    check(path)


@pytest.mark.parametrize("size", [None, 0xFFFFFFFF, 0x7FFFFFFF])
def test_other_chunks_and_an_unknown_length_do_no_harm(tmp_path: Path, size: int | None) -> None:
    path = tmp_path / "bell.wav"
    odd = struct.pack("<4sI", b"LIST", 3) + b"abc\0"
    path.write_bytes(riff(odd, fmt(PCM, 1, 48_000, 2), odd, data(tone(PCM, 1, 48_000, 2), size)))

    check(path)


def test_a_file_of_more_than_four_gigabytes_says_its_length_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "bell.wav"
    samples = tone(PCM, 1, 48_000, 2)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, 0, len(samples), 0, 0)
    body = riff(ds64, fmt(PCM, 1, 48_000, 2), data(samples, 0xFFFFFFFF), b"junk")
    path.write_bytes(b"RF64" + body[4:])

    check(path)


def test_numbers_that_are_none_are_silence(tmp_path: Path) -> None:
    path = tmp_path / "bell.wav"
    wild = np.array([np.nan, np.inf, -np.inf, 7.0, 0.5], "<f4")
    path.write_bytes(riff(fmt(FLOAT, 1, 48_000, 4), data(wild.tobytes())))

    assert np.frombuffer(load_pcm(path), "<i2").tolist() == [0, 32_767, -32_768, 32_767, 16_384]


GOOD = fmt(PCM, 1, 48_000, 2)
UNUSABLE = {
    "mp3": (b"ID3\x04" + bytes(100), "is no PCM WAV file"),
    "ogg": (b"OggS" + bytes(100), "is no PCM WAV file"),
    "nothing": (b"", "is no PCM WAV file"),
    "big endian": (b"RIFX" + riff(GOOD, data(b"12"))[4:], "is no PCM WAV file"),
    "mu-law": (riff(fmt(MU_LAW, 1, 8_000, 1), data(b"12")), "holds mu-law, no PCM"),
    "mp3 in wav": (riff(fmt(85, 1, 8_000, 1), data(b"12")), "holds MP3, no PCM"),
    "foreign extension": (riff(fmt(9, 1, 8_000, 2, extensible=True), data(b"12")), "holds sound of the kind 9"),
    "no rate": (riff(fmt(PCM, 1, 0, 2), data(b"12")), "1 channels of 16 bits at 0 Hz"),
    "no channel": (riff(fmt(PCM, 0, 8_000, 2), data(b"12")), "0 channels"),
    "64 bits": (riff(fmt(PCM, 1, 8_000, 8), data(b"12345678")), "64 bits"),
    "no sound": (riff(GOOD, data(b"")), "has no sound in it: choose another file"),
    "no data": (riff(GOOD), "is damaged"),
    "no format": (riff(data(b"12")), "is damaged"),
    "short format": (riff(struct.pack("<4sI", b"fmt ", 4) + b"1234", data(b"12")), "is damaged"),
    "empty chunks": (riff(*[struct.pack("<4sI", b"junk", 0)] * 2_000), "is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_played_is_named_with_a_way_out(tmp_path: Path, name: str) -> None:
    content, why = UNUSABLE[name]
    path = tmp_path / "my bell.wav"
    path.write_bytes(content)

    with pytest.raises(ToneError) as error:
        load_pcm(path)

    told = str(error.value)
    assert why in told
    if "convert it" in told:  # into another file, and one that can be read
        assert told.endswith(f"ffmpeg -i '{path}' -c:a pcm_s16le '{tmp_path}/my bell-pcm.wav'")


def sparse(path: Path, seconds: int) -> Path:
    """A long file that takes no room on the disk."""
    rate, channels, width = 44_100, 2, 3
    size = seconds * rate * channels * width
    with path.open("wb") as file:
        file.write(riff(fmt(PCM, channels, rate, width), data(b"", size)))
        file.truncate(file.tell() + size)
    return path


@pytest.mark.parametrize(("most_s", "kept_s"), [(None, MOST_KEPT_S), (3, 3), (0.25, 0.25)])
def test_of_a_long_sound_the_beginning_is_kept(tmp_path: Path, most_s: float | None, kept_s: float) -> None:
    path = sparse(tmp_path / "bell.wav", 3600)

    pcm = load_pcm(path) if most_s is None else load_pcm(path, most_s)

    assert len(pcm) == kept_s * 96_000


def test_a_moment_of_very_many_numbers_is_read_in_pieces(tmp_path: Path) -> None:
    samples = np.zeros(768_000 * 16, "<f8").tobytes()
    (tmp_path / "wide.wav").write_bytes(riff(fmt(FLOAT, 16, 768_000, 8), data(samples)))

    with WavReader(tmp_path / "wide.wav") as reader:
        blocks = list(reader.blocks())

    assert len(blocks) > 50
    assert sum(map(len, blocks)) == pytest.approx(96_000, abs=8)


def test_the_microphones_file_may_last_for_hours_and_takes_no_memory(tmp_path: Path) -> None:
    path = sparse(tmp_path / "speech.wav", 4 * 3600)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = PcmSource(WavReader(path), loop=True)

    frames = [source.frame() for _ in range(500)]

    assert {len(frame) for frame in frames} == {1920}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


def test_the_microphones_file_starts_again_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    count = np.arange(1500, dtype="<i2")
    path.write_bytes(riff(GOOD, data(count.tobytes())))
    source = PcmSource(WavReader(path), loop=True)

    got = np.frombuffer(b"".join(source.frame() for _ in range(5)), "<i2")

    assert np.array_equal(got, np.arange(4800) % 1500)


def test_a_microphones_file_that_is_deleted_plays_on(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(riff(GOOD, data(tone(PCM, 1, 48_000, 2))))
    source = PcmSource(WavReader(path), loop=True)
    path.unlink()

    assert all(source.frame() != bytes(1920) for _ in range(120))


def test_a_microphones_file_that_cannot_be_read_any_more_leaves_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(riff(GOOD, data(tone(PCM, 1, 48_000, 2))))
    reader = WavReader(path)
    source = PcmSource(reader, loop=True)
    reader.close()

    assert {source.frame() for _ in range(3)} == {bytes(1920)}
    assert caplog.text.count("cannot read the sound file") == 1
