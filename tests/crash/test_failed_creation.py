"""Does a creation that failed stay in doubt until the next start? (D4)"""

from pathlib import Path

import pytest

from ruvector.collection.catalog import Catalog
from ruvector.errors import ShardPoisoned
from ruvector.model.configs import CollectionConfig, CollectionParams, VectorParams

pytestmark = pytest.mark.crash
CONFIG = CollectionConfig(
    params=CollectionParams(vectors={"": VectorParams(size=2, distance="Dot")})
)


def test_deleting_what_may_exist_is_not_answered_with_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = Catalog.open(tmp_path / "database")
    real = catalog._meta._commit

    def fail_after(changes: object) -> None:
        real(changes)  # type: ignore[arg-type]
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(catalog._meta, "_commit", fail_after)
    with pytest.raises(ShardPoisoned):
        catalog.create("doubtful", CONFIG)
    assert not catalog.exists("doubtful")
    with pytest.raises(ShardPoisoned):
        catalog.delete("doubtful")
    catalog.close()
    catalog = Catalog.open(tmp_path / "database")
    assert catalog.names == ["doubtful"], "the commit had survived"
    assert not catalog.problems, "its folder was removed although its name survived"
    assert catalog.delete("doubtful")
    catalog.close()
