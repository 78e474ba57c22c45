"""Segment files: written once, and refused when a byte differs."""

from pathlib import Path

import numpy as np
import pytest

from ruvector.errors import BadInput, StorageDamaged
from ruvector.storage import SegmentFile, segment_file, write_segment


def _write(path: Path) -> int:
    random = np.random.default_rng(0)
    arrays = {
        "vectors": random.random((1000, 33), np.float32),
        "halves": random.random((7, 3)).astype(np.float16),
        "codes": random.integers(0, 255, 300_001).astype(np.uint8),
        "signs": random.integers(-128, 127, (5, 5)).astype(np.int8),
        "rows": np.arange(70_000, dtype=np.uint32),
        "numbers": np.arange(10, dtype=np.uint64),
        "times": np.arange(-5, 5, dtype=np.int64),
        "empty": np.empty((0, 4), np.float32),
        "scalar": np.array(7, np.int64),
        "blocks": random.integers(0, 255, 3 * segment_file.BLOCK_BYTES).astype(np.uint8),
    }
    return write_segment(path, arrays, {"metric": "cosine", "count": 1000})


def test_arrays_and_attributes_come_back_as_they_went(tmp_path: Path) -> None:
    crc = _write(tmp_path / "one.segment")
    assert [path.name for path in tmp_path.iterdir()] == ["one.segment"]
    for verify in (True, False):
        segment = SegmentFile.open(tmp_path / "one.segment", verify=verify)
        assert segment.attributes == {"metric": "cosine", "count": 1000}
        assert (segment.crc, segment.size_bytes) == (
            crc,
            (tmp_path / "one.segment").stat().st_size,
        )
        random = np.random.default_rng(0)
        np.testing.assert_array_equal(
            segment.arrays["vectors"], random.random((1000, 33), np.float32)
        )
        np.testing.assert_array_equal(segment.arrays["rows"], np.arange(70_000))
        assert segment.arrays["empty"].shape == (0, 4)
        assert segment.arrays["scalar"] == 7
        for array in segment.arrays.values():
            assert not array.flags.writeable
            assert array.ctypes.data % 64 == 0 or array.size == 0
        kept = segment.arrays["times"]
        segment.close()
        assert kept[0] == -5


def test_a_segment_without_arrays_is_a_segment(tmp_path: Path) -> None:
    write_segment(tmp_path / "none", {}, {"a": [1]})
    assert SegmentFile.open(tmp_path / "none").attributes == {"a": [1]}


def test_other_dtypes_are_refused(tmp_path: Path) -> None:
    for array in (
        np.zeros(3, np.int16),
        np.array(["text"]),
        np.array([object()]),
        np.zeros(3, bool),
    ):
        with pytest.raises(BadInput, match="dtype"):
            write_segment(tmp_path / "bad", {"x": array}, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.crash
def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write_segment(path, {"x": np.arange(200, dtype=np.uint32)}, {"a": 1})
    content = path.read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.raises(StorageDamaged):
            SegmentFile.open(path)
    path.write_bytes(content)
    SegmentFile.open(path)


@pytest.mark.crash
def test_every_truncation_and_a_longer_file_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write_segment(path, {"x": np.arange(200, dtype=np.uint32)}, {"a": 1})
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        for verify in (True, False):
            with pytest.raises(StorageDamaged):
                SegmentFile.open(path, verify=verify)
    path.write_bytes(content + b"\0")
    with pytest.raises(StorageDamaged):
        SegmentFile.open(path)
    path.unlink()
    with pytest.raises(StorageDamaged, match="cannot be opened"):
        SegmentFile.open(path)


def test_damage_names_the_block(tmp_path: Path) -> None:
    path = tmp_path / "one"
    _write(path)
    content = bytearray(path.read_bytes())
    content[-2 * segment_file.BLOCK_BYTES] ^= 1
    path.write_bytes(content)
    with pytest.raises(StorageDamaged, match="block 1 "):
        SegmentFile.open(path)
    SegmentFile.open(path, verify=False).close()


def test_a_newer_version_is_refused_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one"
    with monkeypatch.context() as context:
        context.setattr(segment_file, "VERSION", 2)
        _write(path)
    before = path.read_bytes()
    with pytest.raises(StorageDamaged, match="newer ruvector"):
        SegmentFile.open(path)
    assert path.read_bytes() == before
