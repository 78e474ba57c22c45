"""Is everything refused that is not a sound snapshot, with nothing written and nothing changed?"""

import hashlib
import io
import random
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import ruvector
from ruvector.client.client import RuvectorClient
from ruvector.errors import BadInput, RuvectorError
from ruvector.snapshots.archive import MANIFEST
from ruvector.snapshots.tar import BLOCK_BYTES, _header

FLIPS = 120


class Case:
    """A database with a collection of 30 points, and a sound snapshot of it in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "database"
        self.client: RuvectorClient = ruvector.open(self.root)
        self.client.create_collection("docs", dimensions=3, distance="euclid")
        points = [{"id": n, "vector": [n, 1, 2], "payload": {"n": n}} for n in range(30)]
        self.client.upsert("docs", points)
        self.client.create_payload_index("docs", "n", "integer")
        self.client.wait_for_index("docs")
        self.client.upsert("docs", points[:3])
        snapshot = self.client.create_snapshot("docs")
        assert snapshot is not None
        self.file = self.client.download_snapshot("docs", snapshot.name, folder / "sound")
        self.sound = self.file.read_bytes()
        self.before = self.seen()

    def seen(self) -> tuple[list[str], int, list[str]]:
        """Return what a failed restore must not change."""
        files = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))
        return self.client.list_collections(), self.client.count("docs"), files

    def restore(self, content: bytes) -> None:
        """Restore a snapshot of this content under another name."""
        self.file.write_bytes(content)
        self.client.upload_snapshot("other", self.file)

    def refuses(self, content: bytes) -> str:
        """Return the message with which this content is refused."""
        with pytest.raises(RuvectorError) as refused:
            self.restore(content)
        assert refused.value.http_status == 400, refused.value
        assert str(self.folder) not in str(refused.value)
        assert self.seen() == self.before
        return str(refused.value)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """Return a case that the tests share: none of them changes it."""
    case = Case(tmp_path_factory.mktemp("hostile"))
    yield case
    case.client.close()


def members(content: bytes) -> list[tuple[str, bytes]]:
    """Return the files of an archive, read by another library."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return [(m.name, archive.extractfile(m).read()) for m in archive]  # type: ignore[union-attr]


def packed(files: list[tuple[str, bytes]]) -> bytes:
    """Return an archive as we write it."""
    parts = [
        _header(name, len(content)) + content + bytes(-len(content) % BLOCK_BYTES)
        for name, content in files
    ]
    return b"".join(parts) + bytes(2 * BLOCK_BYTES)


def resealed(files: list[tuple[str, bytes]], change: Callable[[Any], None]) -> bytes:
    """Return an archive whose manifest tells the truth about changed files, and is changed too."""
    manifest = msgspec.json.decode(files[-1][1])
    manifest["files"] = [
        {"name": n, "size_bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()}
        for n, c in files[:-1]
    ]
    change(manifest)
    return packed([*files[:-1], (MANIFEST, msgspec.json.encode(manifest))])


def by_tarfile(files: list[tuple[tarfile.TarInfo, bytes]], **options: Any) -> bytes:
    """Return an archive as Python's tarfile writes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as archive:
        for member, content in files:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_any_tool_reads_what_we_write(case: Case) -> None:
    files = members(case.sound)
    assert packed(files) == case.sound
    assert files[0][0] == "0/store/data.mdb"
    assert files[-1][0] == MANIFEST
    manifest = msgspec.json.decode(files[-1][1])
    for listed, (name, content) in zip(manifest["files"], files, strict=False):
        assert listed["name"] == name
        assert listed["sha256"] == hashlib.sha256(content).hexdigest()
    assert manifest["collections"][0]["sequence"] == 3


def test_the_largest_sizes_have_headers_that_others_read() -> None:
    for size in (0, 511, 8**11 - 1, 8**11, 1 << 45):
        member = tarfile.TarInfo.frombuf(_header("0/store/data.mdb", size), "utf-8", "strict")
        assert (member.size, member.name, member.isreg()) == (size, "0/store/data.mdb", True)


def test_a_snapshot_cut_off_anywhere_is_refused(case: Case) -> None:
    chooser = random.Random(5)
    cuts = [0, 1, 511, 512, 513, len(case.sound) - 1, len(case.sound) - 512]
    for cut in [*cuts, *(chooser.randrange(len(case.sound)) for _ in range(20))]:
        case.refuses(case.sound[:cut])
    case.refuses(case.sound + b"\0")
    case.refuses(case.sound + case.sound)


def test_a_flipped_bit_is_refused_or_changes_nothing(case: Case) -> None:
    chooser = random.Random(6)
    refused = 0
    for _ in range(FLIPS):
        content = bytearray(case.sound)
        at = chooser.randrange(len(content))
        content[at] ^= 1 << chooser.randrange(8)
        try:
            case.restore(bytes(content))
        except RuvectorError as error:
            assert error.http_status in (400, 422), error
            refused += 1
        else:  # padding between the files
            assert case.client.count("other") == 30
            case.client.delete_collection("other")
        assert case.client.list_collections() == ["docs"]
    assert refused > FLIPS * 0.8


def hostile_members() -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield what must not be in an archive."""
    for name in (
        "/etc/evil",
        "../evil",
        "0/../../evil",
        "0/store/../../evil",
        "0/segments/../evil.segment",
        "0/segments/a/b.segment",
        "0/store/lock.mdb",
        "0/store/state",
        "1234567/store/data.mdb",
        "0/segments/.segment.partial",
        "0/segments/EVIL.segment",
        "./0/store/data.mdb",
        "0/store/data.mdb",
        "meta/data.mdb",
        "",
    ):
        yield f"name {name}", tarfile.TarInfo(name)
    kinds = {
        "link": tarfile.SYMTYPE,
        "hard link": tarfile.LNKTYPE,
        "device": tarfile.CHRTYPE,
        "block device": tarfile.BLKTYPE,
        "pipe": tarfile.FIFOTYPE,
        "folder": tarfile.DIRTYPE,
        "sparse": tarfile.GNUTYPE_SPARSE,
        "continuous": tarfile.CONTTYPE,
        "old regular": tarfile.AREGTYPE,
    }
    for what, kind in kinds.items():
        member = tarfile.TarInfo("0/segments/9-evil.segment")
        member.type, member.linkname = kind, "/etc/passwd"
        yield what, member


@pytest.mark.parametrize(
    "member", [pytest.param(member, id=what) for what, member in hostile_members()]
)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_is_no_plain_expected_file_is_refused(
    case: Case, member: tarfile.TarInfo, form: int
) -> None:
    content = b"evil" if member.isreg() and member.type != tarfile.GNUTYPE_SPARSE else b""
    files = members(case.sound)
    extra = by_tarfile([(member, content)], format=form)[: BLOCK_BYTES * (2 if content else 1)]
    end = 2 * BLOCK_BYTES
    case.refuses(extra + case.sound)
    case.refuses(case.sound[:-end] + extra + case.sound[-end:])
    manifest = len(files[-1][1])
    start = len(case.sound) - end - BLOCK_BYTES - manifest - -manifest % -BLOCK_BYTES
    case.refuses(case.sound[:start] + extra + case.sound[start:])


@pytest.mark.parametrize(
    ("start", "field"),
    [(156, kind) for kind in (b"1", b"2", b"3", b"5", b"6", b"7", b"S", b"x", b"g", b"L", b"\0")]
    + [(100, b"0000755"), (108, b"0000001"), (136, b"00000000001"), (157, b"/etc/passwd")]
    + [(257, b"ustar  "), (345, b"../"), (500, b"x")],
)
def test_a_header_that_says_anything_else_is_refused(case: Case, start: int, field: bytes) -> None:
    """Also where name, size and content are those of the manifest, and the checksum is right."""
    head = bytearray(case.sound[:BLOCK_BYTES])
    head[start : start + len(field)] = field
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    assert "header" in case.refuses(bytes(head) + case.sound[BLOCK_BYTES:])


def test_extended_headers_and_long_names_are_refused(case: Case) -> None:
    long = tarfile.TarInfo("0/segments/" + "a" * 200 + ".segment")
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        case.refuses(by_tarfile([(long, b"x")], format=form))
    plain = tarfile.TarInfo("0/store/data.mdb")
    plain.pax_headers = {"path": "../evil"}
    case.refuses(by_tarfile([(plain, b"x")], format=tarfile.PAX_FORMAT))


def test_compressed_archives_are_refused(case: Case) -> None:
    import bz2
    import gzip
    import lzma

    for pack in (gzip.compress, bz2.compress, lzma.compress):
        case.refuses(pack(case.sound))
        case.refuses(pack(bytes(10_000_000)))


def test_sizes_that_lie_are_refused_before_anything_is_written(case: Case) -> None:
    for size in (1 << 40, 1 << 62, (1 << 88) - 1, len(case.sound) * 2):
        case.refuses(_header("0/store/data.mdb", size) + case.sound)
    files = members(case.sound)
    for wrong in (0, 1, 10**15, -1):
        case.refuses(resealed(files, lambda m, w=wrong: m["files"][0].update(size_bytes=w)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format=2), "format 2"),
        (lambda m: m.update(kind="cluster"), "kind"),
        (lambda m: m.update(unknown=1), "unknown"),
        (lambda m: m.pop("files"), "files"),
        (lambda m: m["files"].pop(), "other files"),
        (lambda m: m["files"].append(m["files"][0]), "other files"),
        (lambda m: m["files"].__setitem__(1, m["files"][0]), "missing"),
        (lambda m: m["files"][0].update(sha256="0" * 64), "not what its manifest says"),
        (lambda m: m["files"][0].update(name="1/store/data.mdb"), "missing"),
        (lambda m: m["collections"].clear(), "one collection"),
        (lambda m: m["collections"].append(m["collections"][0]), "one collection"),
        (lambda m: m["collections"][0].update(name="../x"), "must not contain"),
        (lambda m: m.update(aliases={"a": "none"}), "alias"),
        (lambda m: m.update(aliases={"docs": "docs"}), "twice"),
        (lambda m: vector(m).update(size=4), ""),
        (lambda m: vector(m).update(size=10**9), "size"),
        (lambda m: vector(m).update(size=0), "size"),
        (lambda m: m["collections"][0]["config"]["params"].update(shard_number=2), "shard_number"),
        (lambda m: m["collections"][0]["config"]["hnsw_config"].update(m=10**6), "hnsw_config.m"),
        (lambda m: m["collections"][0].update(config={}), "params"),
        (lambda m: m["collections"][0].update(config=nested(200_000)), ""),
    ],
)
def test_a_manifest_that_contradicts_itself_or_the_files_is_refused(
    case: Case, change: Callable[[Any], None], message: str
) -> None:
    try:
        content = resealed(members(case.sound), change)
    except RecursionError:
        content = packed([*members(case.sound)[:-1], (MANIFEST, b"[" * 200_000)])
    with pytest.raises(RuvectorError) as refused:
        case.restore(content)
    assert refused.value.http_status in (400, 422)
    assert message in str(refused.value)
    assert case.seen() == case.before


def vector(manifest: Any) -> Any:
    """Return the parameters of the only vector."""
    return manifest["collections"][0]["config"]["params"]["vectors"][""]


def nested(depth: int) -> Any:
    """Return an object that is nested so deep."""
    value: Any = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def test_sound_checksums_do_not_make_damaged_content_sound(case: Case) -> None:
    """An enemy can seal what he likes: pages, values and segments are checked all the same."""
    chooser, files, refused = random.Random(7), members(case.sound), 0
    for turn in range(60):
        which = turn % (len(files) - 1)
        name, content = files[which]
        changed = bytearray(content)
        for _ in range(chooser.choice([1, 1, 8])):
            changed[chooser.randrange(len(changed))] ^= 1 << chooser.randrange(8)
        altered = [*files[:which], (name, bytes(changed)), *files[which + 1 :]]
        try:
            case.restore(resealed(altered, lambda _: None))
        except RuvectorError as error:
            assert error.http_status == 400, error
            assert str(case.folder) not in str(error)
            refused += 1
        else:  # a bit of a page that nobody uses
            assert case.client.count("other") == 30
            case.client.delete_collection("other")
        assert case.client.list_collections() == ["docs"]
    assert refused > 30
    files = [each for each in files if ".segment" not in each[0]]
    assert "missing" in case.refuses(resealed(files, lambda _: None))


def test_locations_do_not_follow_links(case: Case) -> None:
    folder = case.root / "snapshots" / "collections" / "docs"
    outside = case.folder / "outside"
    outside.mkdir()
    (outside / "a.snapshot").write_bytes(case.sound)
    (folder / "link.snapshot").symlink_to(outside / "a.snapshot")
    (folder / "folder").symlink_to(outside)
    try:
        for path in (folder / "link.snapshot", folder / "folder" / "a.snapshot"):
            with pytest.raises(BadInput, match="links"):
                case.client.recover_snapshot("other", f"file://{path}")
        with pytest.raises(RuvectorError, match="not found"):
            case.client.recover_snapshot("docs", "link.snapshot")
        assert len(case.client.list_snapshots("docs")) == 1
        assert case.client.list_collections() == ["docs"]
    finally:
        for path in (folder / "link.snapshot", folder / "folder", outside / "a.snapshot"):
            path.unlink()
        outside.rmdir()
