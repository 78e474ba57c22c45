"""BM25 over a text index agrees with local mode while documents come and go."""

import random
from typing import Any

import numpy as np
import pytest
from qdrant_client.local.bm25 import bm25_scores, document_tokens, round_doc_len

from ruvector.index.payload import ranking
from ruvector.index.payload.ranking import Ranking
from ruvector.index.payload.schemas import create_field_index
from ruvector.index.payload.text import TextIndex

WORDS = [f"w{number}" for number in range(12)]


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_local_mode(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_DEAD_MIN", 8)
    generator = random.Random(seed)
    index = create_field_index("a", {"type": "text", "scoring": True})
    assert isinstance(index, TextIndex)
    assert index.ranking is not None
    stored: dict[int, Any] = {}
    compared = 0
    for step in range(120):
        row = generator.randrange(25)
        if row in stored:
            index.discard(row, {"a": stored.pop(row)})
        else:
            text = " ".join(generator.choices(WORDS, k=generator.randrange(9)))
            stored[row] = [text, "W1, w1"] if step % 5 == 0 else text
            index.add(row, {"a": stored[row]})
        if step % 4 == 0:
            query = " ".join(generator.choices([*WORDS, "none"], k=3))
            k, b = generator.choice([(1.2, 0.75), (0.0, 1.0), (2.0, 0.0)])
            documents = {
                row: tokens
                for row, value in stored.items()
                if (tokens := document_tokens(value if isinstance(value, list) else [value]))
            }
            expected = bm25_scores(documents, query, k, b)
            rows, scores = index.ranking.scores(index.rules.analyzer.query(query), k, b)
            assert rows.tolist() == sorted(expected)
            np.testing.assert_allclose(scores, [expected[r] for r in rows.tolist()], rtol=1e-6)
            compared += 1
    assert compared == 30


def test_lengths_keep_their_leading_bits() -> None:
    for length in (0, 1, 8191, 8192, 8193, 16_385, 100_001):
        assert ranking._rounded(length) == round_doc_len(length)


def test_a_word_in_every_document_still_counts() -> None:
    tested = Ranking()
    for row in range(3):
        tested.add(row, ["x"])
    rows, scores = tested.scores(["x", "y", "x"], 1.2, 0.75)
    assert rows.tolist() == [0, 1, 2]
    assert (scores > 0).all()
    assert len(tested.scores([], 1.2, 0.75)[0]) == 0
