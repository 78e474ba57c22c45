"""Are JSON numbers read and written as the oracle does, and hostile bodies refused?"""

import json
from decimal import ROUND_DOWN, Context, Decimal

import numpy as np
import pytest

from ruvector.kernel import (
    format_float_rows,
    format_floats,
    oracle,
    parse_floats,
    scan_json,
    shortest_floats,
)

GOOD = [
    b"[]",
    b" [ ] ",
    b"[0]",
    b"[-0]",
    b"[-0.0, 0e5, 0E-5]",
    b"\t[1,\n2 ,\r3 ]  ",
    b"[1e2,1E+2,1e-2,-1.5e0]",
    b"[3.4028234663852886e38,-3.4028235e38]",
    b"[1e-45,1e-46,7e-46,7.1e-46,1e-400,-1e-400]",
    b"[1.17549435e-38,1.1754942e-38]",
    b"[0.1,0.12345678955316544,123456789012345678901234567890]",
    b"[0.00000000000000000000000000000000000000000000001e47]",
    b"[1000000000000000000000000000000000000000e-39]",
    b"[16777217,16777219,16777217.0000000000000000000000001]",
    b"[1.00000005960464477539062500000000000000001]",
    b"[1.000000059604644775390625,1.000000178813934326171875]",
]
BAD = [
    b"",
    b"[",
    b"]",
    b"[1",
    b"[1,",
    b"[1,]",
    b"[,1]",
    b"[1 2]",
    b"1",
    b"null",
    b"[null]",
    b"[true]",
    b'["1"]',
    b"[[1]]",
    b"[1]]",
    b"[1] 2",
    b"[1],",
    b"[NaN]",
    b"[nan]",
    b"[Infinity]",
    b"[-Infinity]",
    b"[inf]",
    b"[01]",
    b"[-01]",
    b"[.5]",
    b"[1.]",
    b"[+1]",
    b"[--1]",
    b"[-]",
    b"[1e]",
    b"[1e+]",
    b"[1.e5]",
    b"[0x10]",
    b"[1_000]",
    b"[1e39]",
    b"[-1e39]",
    b"[3.4028236e38]",
    b"[1e999999999999999999999]",
    b"[1\x00]",
    b"[\xff]",
    b"{}",
    b"[1\x0b]",
]


@pytest.mark.parametrize("text", GOOD)
def test_numbers_are_the_nearest_float32(text: bytes) -> None:
    found, expected = parse_floats(text), oracle.parse_floats(text)
    assert found.dtype == np.float32
    assert found.view(np.uint32).tolist() == expected.view(np.uint32).tolist()


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_refused_with_its_position(text: bytes) -> None:
    with pytest.raises(ValueError, match="position"):
        parse_floats(text)
    with pytest.raises(ValueError):
        oracle.parse_floats(text)


def test_the_position_is_that_of_the_first_wrong_byte() -> None:
    with pytest.raises(ValueError, match=r"at position 4$"):
        parse_floats(b"[1, null]")


def test_random_decimals_near_the_middle_of_two_float32_round_right() -> None:
    rng = np.random.default_rng(5)
    values = rng.integers(1 << 23, 1 << 31, 300, dtype=np.uint32).view(np.float32)
    values = values[np.isfinite(values) & (np.abs(values) < 1e37)]
    above = np.nextafter(values, np.float32(np.inf))
    middles = (values.astype(np.float64) + above.astype(np.float64)) / 2
    texts = [f"{m:.{digits}e}" for m in middles.tolist() for digits in (6, 8, 15, 17, 20)]
    text = f"[{','.join(texts)}]".encode()
    expected = oracle.parse_floats(text)
    assert parse_floats(text).view(np.uint32).tolist() == expected.view(np.uint32).tolist()


def test_plain_decimals_around_the_middle_round_right_at_every_length() -> None:
    exact = Context(prec=80)
    rng = np.random.default_rng(9)
    sizes = np.float32(10.0) ** rng.uniform(-5, 1, 60).astype(np.float32)
    values = np.minimum(sizes, np.float32(9.5)) * rng.choice([-1, 1], 60).astype(np.float32)
    texts = []
    for value in values:
        above = np.nextafter(value, np.float32(np.inf))
        middle = exact.divide(exact.add(Decimal(float(value)), Decimal(float(above))), 2)
        for digits in range(1, 34):
            step = Decimal(1).scaleb(-digits)
            cut = middle.quantize(step, ROUND_DOWN, exact)
            texts += [f"{cut:f}", f"{exact.add(cut, step):f}", f"{exact.subtract(cut, step):f}"]
    padding = ",".join(["0.5"] * 20)  # numbers near the end are read in another way
    text = f"[{','.join(texts)},{padding}]".encode()
    expected = oracle.parse_floats(text)
    assert parse_floats(text).view(np.uint32).tolist() == expected.view(np.uint32).tolist()


def test_decimals_of_every_length_and_size_equal_the_oracle() -> None:
    rng = np.random.default_rng(7)
    texts = []
    for _ in range(3000):
        whole = "".join(map(str, rng.integers(0, 10, rng.integers(1, 25)).tolist())).lstrip("0")
        rest = "".join(map(str, rng.integers(0, 10, rng.integers(0, 25)).tolist()))
        zeros = "0" * int(rng.integers(0, 22)) if rng.random() < 0.5 else ""
        exponent = f"e{rng.integers(-70, 14)}" if rng.random() < 0.4 else ""
        point = f".{zeros}{rest}" if zeros + rest else ""
        texts.append(f"{'-' * int(rng.random() < 0.5)}{whole or '0'}{point}{exponent}")
    text = f"[{','.join(texts)}]".encode()
    found, expected = parse_floats(text), oracle.parse_floats(text)
    wrong = np.flatnonzero(found.view(np.uint32) != expected.view(np.uint32)).tolist()
    assert not [texts[i] for i in wrong]
    # Each number as the last one: near the end of the text digits are read one by one.
    for number, value in list(zip(texts, expected.tolist(), strict=True))[:300]:
        assert parse_floats(f"[{number}]".encode()).tolist() == [value]


def test_nine_and_seventeen_digits_bring_back_every_float32() -> None:
    bits = np.random.default_rng(8).integers(0, 1 << 32, 100_000, dtype=np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    for form in ("%.9g", "%.17g", "%.8e", "%.16e"):
        text = ("[" + ",".join([form % value for value in values.tolist()]) + "]").encode()
        assert (parse_floats(text).view(np.uint32) == values.view(np.uint32)).all(), form


def test_every_written_number_reads_back_and_equals_the_oracle() -> None:
    rng = np.random.default_rng(6)
    values = rng.integers(0, 1 << 32, 5000, dtype=np.uint32).view(np.float32)
    values = values[np.isfinite(values)]
    special = [
        0.0,
        -0.0,
        1.0,
        -3.0,
        0.1,
        1e10,
        1e13,
        1e12,
        123456.7,
        1e-5,
        1e-6,
        1e-7,
        3.4028235e38,
    ]
    values = np.concatenate([values, np.array([*special, 1e-45, 16777216, 0.3], np.float32)])
    text = format_floats(values)
    assert text == oracle.format_floats(values)
    assert parse_floats(text).view(np.uint32).tolist() == values.view(np.uint32).tolist()
    assert json.loads(text) == [float(str(value)) for value in values]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, b"[1.0]"), (1e10, b"[10000000000.0]"), (1e20, b"[1e20]"), (1.5e-7, b"[1.5e-7]")],
)
def test_whole_and_extreme_numbers_look_as_serde_prints_them(value: float, text: bytes) -> None:
    assert format_floats(np.array([value], np.float32)) == text


def test_numbers_json_cannot_hold_become_null() -> None:
    assert format_floats(np.array([np.nan, np.inf, -np.inf], np.float32)) == b"[null,null,null]"


def test_shortest_floats_print_as_the_float32_does() -> None:
    values = np.array([0.1, 1 / 3, 1e-30, 0.0, 123456789, -2.5], np.float32)
    assert shortest_floats(values) == oracle.shortest_floats(values)
    assert repr(shortest_floats(values)[0]) == "0.1"


def test_rows_are_written_together() -> None:
    rows = np.array([[1, 2], [3, 4.5], [-1, 0]], np.float32)
    assert format_float_rows(rows) == [b"[1.0,2.0]", b"[3.0,4.5]", b"[-1.0,0.0]"]
    assert format_floats(np.empty(0, np.float32)) == b"[]"


def test_arrays_of_other_types_are_refused() -> None:
    with pytest.raises(TypeError):
        format_floats(np.array([1.0]))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        parse_floats("[1]")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "body", [b"{}", b'{"a": [1, {"b": "]]]["}], "c": "\\"[[[["}', b"[[[]]]", b"1", b'"\\\\"']
)
def test_a_body_within_bounds_passes(body: bytes) -> None:
    scan_json(body, 3, 3)
    oracle.scan_json(body, 3, 3)


@pytest.mark.parametrize("body", [b"[[[[]]]]", b'{"a":{"b":{"c":{}}}}', b"[" * 100_000])
def test_a_body_nested_too_deep_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="deeper than the limit of 3"):
        scan_json(body, 3, 1 << 30)


def test_a_body_with_too_many_containers_is_refused() -> None:
    body = b"[" + b"[],{}," * 5 + b"1]"
    scan_json(body, 9, 11)
    with pytest.raises(ValueError, match="limit of 10"):
        scan_json(body, 9, 10)


@pytest.mark.parametrize("body", [b'"abc', b'"abc\\', b'"abc\\"', b"]", b"[", b"[}]"])
def test_an_unfinished_body_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="position"):
        scan_json(body, 9, 9)
