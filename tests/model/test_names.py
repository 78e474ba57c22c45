"""May a collection, an alias or a vector be called this?"""

from typing import Any

import pytest

from ruvector.errors import BadInput, InvalidRequest, RuvectorError
from ruvector.model.limits import MAX_NAME_BYTES
from ruvector.model.names import check_name


@pytest.mark.parametrize(
    "name",
    ["a", "A b", "...", ".hidden", "a.b", "日本語", "%2e%2e", "x" * MAX_NAME_BYTES, "é" * 127, "-"],
)
def test_ordinary_name_is_returned(name: str) -> None:
    assert check_name(name, "collection_name") == name


@pytest.mark.parametrize("name", ["", None, 5, b"a", ["a"], True])
def test_what_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(BadInput, match="alias_name must be a string"):
        check_name(name, "alias_name")


@pytest.mark.parametrize("character", [*'<>:"/\\|?*', "\0", "\n", "\t", "\x1f", "\x7f"])
def test_separator_or_control_character_is_refused_and_shown(character: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_name(f"a{character}b", "collection_name")
    assert repr(character) in refusal.value.message
    assert "collection_name" in refusal.value.message


@pytest.mark.parametrize("name", [".", "..", "\ud800", "x" * (MAX_NAME_BYTES + 1), "é" * 128])
def test_name_that_no_path_can_carry_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="collection_name") as refusal:
        check_name(name, "collection_name")
    assert isinstance(refusal.value, RuvectorError)
