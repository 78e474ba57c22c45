"""Can every bug of the list still be planted? `make mutants` plants them; this only looks."""

from collections import Counter
from pathlib import Path

import pytest
from tests.crash.mutants.run import MUTANTS, ROOT
from tests.crash.mutants.table import Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_fits_the_source_and_names_tests_that_are_there(mutant: Mutant) -> None:
    for change in mutant.changes:
        file, old, new = change if len(change) == 3 else (mutant.file, *change)
        assert old in (ROOT / "src" / "ruvector" / file).read_text(), (file, old)
        assert old != new
    assert mutant.tests
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert name in Path(ROOT / path).read_text()


def test_names_of_mutants_differ() -> None:
    assert [name for name, n in Counter(mutant.name for mutant in MUTANTS).items() if n > 1] == []
