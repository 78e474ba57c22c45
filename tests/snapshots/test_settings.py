"""Does a program that opens a database set its snapshots as a server does?"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import ruvector
from ruvector.errors import BadInput
from ruvector.snapshots.settings import S3Settings, SnapshotSettings, settings_of


def test_a_program_archives_the_log_and_another_restores_from_it(tmp_path: Path) -> None:
    given = {"path": tmp_path / "kept", "archive_log": True, "archive_log_seconds": 3600}
    with ruvector.open(tmp_path / "one", snapshots=given) as client:
        client.create_collection("docs", dimensions=2)
        made = client.create_snapshot("docs")
        assert made is not None
        client.upsert("docs", ids=[1, 2], vectors=[[1.0, 0.0], [0.0, 1.0]])
    with ruvector.open(tmp_path / "two", snapshots={"path": str(tmp_path / "kept")}) as client:
        client.recover_snapshot("docs", made.name, until="latest")
        assert client.count("docs") == 2
    with ruvector.open(tmp_path / "three") as client:
        assert list((tmp_path / "three").glob("snapshots*")) == []
        with pytest.raises(BadInput, match="was not archived"):
            client.create_collection("docs", dimensions=2)
            made = client.create_snapshot("docs")
            assert made is not None
            client.recover_snapshot("docs", made.name, until="latest")


def test_the_asynchronous_client_has_them_too(tmp_path: Path) -> None:
    async def work() -> Any:
        client = ruvector.AsyncRuvectorClient(path=":memory:", snapshots={"archive_log": True})
        await client.create_collection("docs", dimensions=2)
        made = await client.create_snapshot("docs")
        assert made is not None
        done = await client.recover_snapshot("docs", made.name, until="latest")
        await client.close()
        return done

    assert asyncio.run(work()) is True


def test_every_setting_of_a_program_is_taken() -> None:
    bucket = {"bucket": "b", "region": "r", "endpoint_url": "http://localhost"}
    given = {
        "path": "/kept", "s3": bucket, "schedule": "every 6h", "collections": ["a"], "keep": 3,
        "archive_log": True, "archive_log_seconds": 5, "keep_log_days": 2,
    }  # fmt: skip
    found = settings_of(given)
    assert found == SnapshotSettings(
        path=Path("/kept"), s3=S3Settings(**bucket), schedule="every 6h", collections=("a",),
        keep=3, archive_log=True, archive_log_seconds=5, keep_log_days=2,
    )  # fmt: skip
    assert given.keys() == set(SnapshotSettings.__struct_fields__) - {"from_urls"}
    assert settings_of(None) == settings_of({}) == SnapshotSettings()


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"archive": True}, "has no setting 'archive'"), ({"from_urls": True}, "has no setting"),
        ({"keep": "7"}, "keep"), ({"keep": 0}, "keep is 0"), ({"archive_log_seconds": 0}, "from 1"),
        ({"archive_log_seconds": float("nan")}, "from 1"), ({"keep_log_days": 5}, "archive_log"),
        ({"archive_log": True, "keep_log_days": 0.5}, "keep_log_days is 0.5"),
        ({"schedule": "sometimes"}, "schedule"), ({"s3": {"name": "b"}}, "s3"),
        ({"s3": {"bucket": "b", "regoin": "r"}}, "regoin"), ({"path": 5}, "path is a int"),
    ],
)  # fmt: skip
def test_other_settings_are_refused_before_anything_is_opened(
    tmp_path: Path, given: dict[str, Any], match: str
) -> None:
    with pytest.raises(BadInput, match=match):
        ruvector.open(tmp_path / "data", snapshots=given)
    assert not (tmp_path / "data").exists()
