"""Masks read back as they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from proofset.evidence import Format
from proofset.masks import CLASSES, mask, places, space

ALNUM = CLASSES["*"]
ALPHABETS = st.one_of(
    st.sampled_from(list(CLASSES.values())),
    st.sets(st.sampled_from(ALNUM), min_size=1, max_size=9).map(lambda s: "".join(sorted(s, key=ALNUM.index))),
    st.characters(min_codepoint=32, max_codepoint=126),
)


@given(st.lists(ALPHABETS, max_size=20))
def test_what_is_written_is_read(alphabets: list[str]) -> None:
    assert list(places(mask(alphabets))) == alphabets


@pytest.mark.parametrize(
    ("text", "first", "size"),
    [
        ("AA-9999", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 6_760_000),
        ("[1-9]9999", "123456789", 90_000),
        (r"\A\X-999", "A", 1_000),
        ("[1-37ac]", "1237ac", 6),
        (r"\*\\ 9", "*", 10),
        ("", "", 1),
    ],
)
def test_masks_mean_what_the_page_says(text: str, first: str, size: int) -> None:
    found = places(text)
    assert (found or ("",))[0] == first
    assert space(found) == size
    assert places(mask(found)) == found


@pytest.mark.parametrize("text", ["[", "[]", "9\\", "b", "]", "[9-1]", "[a-]", "[-]", "[1-", "[a!]", "é"])
def test_what_is_no_mask_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a mask"):
        places(text)
    with pytest.raises(ValidationError, match="a mask"):
        Format(mask=text, share=1)
