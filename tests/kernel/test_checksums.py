"""Does the checksum equal its bit-by-bit twin?"""

import numpy as np
import pytest

from ruvector.kernel import _kernel, crc32c, oracle

SIZES = [0, 1, 7, 8, 9, 255, 767, 768, 769, 12_287, 12_288, 12_289, 30_000]


def test_the_standard_test_vector_is_met() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize("size", SIZES)
def test_hardware_and_table_equal_the_oracle(size: int) -> None:
    text = np.random.default_rng(size).bytes(size)
    expected = oracle.crc32c(text)
    assert crc32c(text) == expected
    assert _kernel.crc32c_table(text) == expected


@pytest.mark.parametrize("cut", [0, 1, 4095, 20_000, 30_000])
def test_a_checksum_continues_from_its_seed(cut: int) -> None:
    text = np.random.default_rng(1).bytes(30_000)
    assert crc32c(memoryview(text)[cut:], crc32c(bytearray(text[:cut]))) == crc32c(text)


def test_one_changed_bit_changes_the_checksum() -> None:
    text = bytearray(5000)
    before = crc32c(text)
    for byte in (0, 1, 2500, 4999):
        text[byte] ^= 16
        assert crc32c(text) != before
        text[byte] ^= 16


def test_a_text_without_the_buffer_protocol_is_refused() -> None:
    with pytest.raises(TypeError):
        crc32c("text")  # type: ignore[arg-type]
