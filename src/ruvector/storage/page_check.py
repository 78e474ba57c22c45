"""Do the pages of an LMDB file hold together?

A walk that reads bytes and never maps the file or hands it to LMDB, so that no damage in it can
kill the process. It finds what value checksums cannot see: lost subtrees, pages used twice, keys
out of order, counters that lie. `lmdb.verify` answers the same question several times slower, node
by node (it is the oracle of the tests); here the leaves, nearly all of the file, are checked in
numpy.

Only what our tables use is accepted: LMDB 0.9 on a little-endian 64-bit machine, no duplicate keys.
Source: the structures in LMDB's mdb.c; each page begins with number (8 bytes), pad (2), flags (2),
lower (2), upper (2), and its node offsets; a node is size (4), flags (2), key size (2), key, value.

Threads: a pure function over a file that nobody writes meanwhile.
It does not look into the values.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BRANCH, _LEAF, _OVERFLOW, _META = 1, 2, 4, 8
_BIG, _SUBTREE = 1, 2
_MAGIC, _VERSION, _INTEGER_KEY = 0xBEEFC0DE, 1, 8
_NO_PAGE = (1 << 64) - 1
_HEADER_BYTES = 16
# LMDB's cursors hold that many levels.
_DEPTH_LIMIT = 32
# Pages per read: 4 MiB, and as much again for the arrays made of them.
_BATCH_PAGES = 1024

_page = struct.Struct("<QHHHH")
_node = struct.Struct("<HHHH")
_tree = struct.Struct("<IHHQQQQQ")
_meta = struct.Struct("<IIQQ")


def check_pages(path: Path) -> list[str]:
    """Return the first thing wrong with the LMDB file `path`; empty when it is sound.

    Cost: about 2 ms per MiB of small values; large values are passed over.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return [str(error)]
    try:
        _Check(descriptor).run()
    except (_Damage, OSError, struct.error, ValueError, OverflowError, IndexError) as error:
        # The last four: a number in the file that no page, offset or array can have.
        return [str(error)]
    finally:
        os.close(descriptor)
    return []


class _Damage(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree's root and counters, as its parent stores them (MDB_db)."""

    pad: int
    flags: int
    depth: int
    branches: int
    leaves: int
    overflows: int
    entries: int
    root: int


@dataclass(slots=True)
class _Nodes:
    """The nodes of a batch of leaves: arrays with one element per node."""

    page: NDArray[np.int64]
    start: NDArray[np.int64]
    key_bytes: NDArray[np.int64]
    value_bytes: NDArray[np.int64]
    flags: NDArray[np.uint16]


class _Check:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._page_size = 0
        # What each page is used for: 0 nothing yet, 1 reachable, 2 free.
        self._used: NDArray[np.uint8] = np.zeros(0, np.uint8)

    def run(self) -> None:
        """Check the whole file; raises at the first finding."""
        free, main, last_page = self._read_metas()
        if (last_page + 1) * self._page_size > self._size:
            raise _Damage(f"{self._size} bytes hold fewer than the {last_page + 1} pages in use")
        self._used = np.zeros(last_page + 1, np.uint8)
        self._used[:2] = 1
        for name, tree in self._walk("main", main, 0):
            self._walk(name.decode("utf-8", "replace"), _Tree(*_tree.unpack(tree)), 0)
        lists = self._walk("free", free, _INTEGER_KEY)
        for _, pages in lists:
            self._mark_free(np.frombuffer(pages, "<u8"))
        if not self._used.all():
            page = int(np.argmin(self._used))
            raise _Damage(f"page {page} is neither reachable nor free")

    def _read_metas(self) -> tuple[_Tree, _Tree, int]:
        """Return the free and main tree and the last page of the newer meta page."""
        found = []
        for number in (0, 1):
            head = os.pread(self._descriptor, 200, number * self._page_size)
            page, _, flags, _, _ = _page.unpack_from(head)
            magic, version, _, _ = _meta.unpack_from(head, _HEADER_BYTES)
            free = _Tree(*_tree.unpack_from(head, 40))
            main = _Tree(*_tree.unpack_from(head, 88))
            last_page, transaction = struct.unpack_from("<QQ", head, 136)
            if (page, flags, magic, version) != (number, _META, _MAGIC, _VERSION):
                raise _Damage(f"meta page {number} does not begin as it must")
            if free.pad not in (4096, 8192, 16384, 32768) or free.pad != (
                self._page_size or free.pad
            ):
                raise _Damage(f"meta page {number} has the impossible page size {free.pad}")
            if transaction and transaction % 2 != number:
                raise _Damage(f"meta page {number} has the other one's transaction {transaction}")
            self._page_size = free.pad
            found.append((transaction, free, main, last_page))
        _, free, main, last_page = max(found, key=lambda meta: meta[0])
        if not 1 <= last_page < self._size:
            raise _Damage(f"the meta page's last page is {last_page}")
        return free, main, last_page

    def _walk(self, name: str, tree: _Tree, flags: int) -> list[tuple[bytes, bytes]]:
        """Check one tree; return the (key, value) pairs of the main and the free tree."""
        counters = (tree.branches, tree.leaves, tree.overflows, tree.entries)
        if tree.flags != flags or (tree.pad and name != "free"):
            raise _Damage(f"table {name} has the impossible flags {tree.flags}, {tree.pad}")
        if tree.root == _NO_PAGE:
            if tree.depth or any(counters):
                raise _Damage(f"table {name} has no root, but {tree.entries} entries")
            return []
        if not 1 <= tree.depth <= _DEPTH_LIMIT:
            raise _Damage(f"table {name} has the impossible depth {tree.depth}")
        branches = 0
        level: list[tuple[int, bytes | None]] = [(tree.root, None)]
        for _ in range(tree.depth - 1):
            self._claim(np.array([page for page, _ in level], np.uint64))
            branches += len(level)
            level = [child for page, bound in level for child in self._branch(page, bound)]
        leaves = np.array([page for page, _ in level], np.uint64)
        self._claim(leaves)
        checked = _Leaves(name, flags, len(leaves))
        order = np.argsort(leaves)
        for start in range(0, len(order), _BATCH_PAGES):
            chosen = order[start : start + _BATCH_PAGES]
            numbers = leaves[chosen].astype(np.int64)
            checked.take(self._read(numbers), numbers, chosen)
        checked.check_bounds([bound for _, bound in level])
        overflows = sum(self._overflow(page, size) for page, size in checked.overflows)
        if (branches, len(leaves), overflows, checked.entries) != counters:
            raise _Damage(
                f"table {name} has {branches}, {len(leaves)}, {overflows}, {checked.entries} "
                f"branches, leaves, overflow pages, entries; its root says {counters}"
            )
        return [
            (key, value if isinstance(value, bytes) else self._value(*value))
            for key, value in checked.pairs
        ]

    def _claim(self, pages: NDArray[np.uint64]) -> None:
        """Mark pages as reachable; nothing else may have."""
        if pages.size and (int(pages.min()) < 2 or int(pages.max()) >= len(self._used)):
            raise _Damage(f"a page outside the file is referred to: {int(pages.max())}")
        if self._used[pages].any() or len(np.unique(pages)) != len(pages):
            raise _Damage(f"a page near {int(pages[0])} is used twice")
        self._used[pages] = 1

    def _mark_free(self, stored: NDArray[np.uint64]) -> None:
        pages = stored[1:]
        if not len(stored) or int(stored[0]) != len(pages) or not (pages[:-1] > pages[1:]).all():
            raise _Damage("a list of free pages is not what LMDB writes")
        self._claim(pages)
        self._used[pages] = 2

    def _branch(self, number: int, bound: bytes | None) -> list[tuple[int, bytes | None]]:
        """Return (page, lower bound of its keys) of each child."""
        page = os.pread(self._descriptor, self._page_size, number * self._page_size)
        stored, _, flags, lower, upper = _page.unpack_from(page)
        count = (lower - _HEADER_BYTES) // 2
        if (stored, flags) != (number, _BRANCH) or lower > upper or upper > len(page) or count < 2:
            raise _Damage(f"page {number} is no branch page")
        children: list[tuple[int, bytes | None]] = []
        total = 0
        for offset in struct.unpack_from(f"<{count}H", page, _HEADER_BYTES):
            if offset < upper:
                raise _Damage(f"page {number} has a node outside its nodes")
            low, high, top, key_bytes = _node.unpack_from(page, offset)
            key = page[offset + 8 : offset + 8 + key_bytes]
            if len(key) != key_bytes:
                raise _Damage(f"page {number} has a node beyond its end")
            total += 8 + key_bytes + key_bytes % 2
            children.append((low | high << 16 | top << 32, key if children else bound))
        if total != len(page) - upper:
            raise _Damage(f"page {number} has {total} bytes of nodes in {len(page) - upper}")
        return children

    def _read(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the pages `numbers` (rising), read in runs."""
        pages = np.empty((len(numbers), self._page_size), np.uint8)
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        for run in np.split(np.arange(len(numbers)), breaks):
            into = pages[run[0] : run[-1] + 1].reshape(-1)
            offset = int(numbers[run[0]]) * self._page_size
            if os.preadv(self._descriptor, [into.data], offset) != len(into):
                raise _Damage(f"the file ends within page {numbers[run[-1]]}")
        return pages

    def _overflow(self, number: int, size: int) -> int:
        """Check the pages of one large value; return how many there are."""
        head = os.pread(self._descriptor, _HEADER_BYTES, number * self._page_size)
        stored, _, flags, count = struct.unpack("<QHHI", head)
        if (stored, flags) != (number, _OVERFLOW):
            raise _Damage(f"page {number} does not begin a large value")
        if count * self._page_size < size + _HEADER_BYTES or count > len(self._used):
            raise _Damage(f"page {number} has {count} pages for a value of {size} bytes")
        self._claim(np.arange(number, number + count, dtype=np.uint64))
        return int(count)

    def _value(self, number: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, number * self._page_size + _HEADER_BYTES)


class _Leaves:
    """The leaves of one tree: checked in batches, in file order; compared in tree order."""

    def __init__(self, name: str, flags: int, count: int) -> None:
        self._name = name
        self._integers = flags == _INTEGER_KEY
        # The main tree's values are trees, the free tree's are lists of pages: both are needed.
        self._keeps_pairs = self._integers or name == "main"
        self._ends: list[tuple[bytes, bytes]] = [(b"", b"")] * count
        self.entries = 0
        self.overflows: list[tuple[int, int]] = []
        self.pairs: list[tuple[bytes, bytes | tuple[int, int]]] = []

    def take(
        self,
        pages: NDArray[np.uint8],
        numbers: NDArray[np.int64],
        places: NDArray[Any],
    ) -> None:
        """Check a batch of leaves; `places` are their positions in tree order."""
        nodes, counts = _nodes_of(pages, numbers, self._name)
        flat = pages.reshape(-1)
        key_start = nodes.start + 8
        self._check_order(flat, nodes, key_start)
        text = flat.tobytes()
        last = np.cumsum(counts) - 1
        first = last - counts + 1
        for place, low, high in zip(places.tolist(), first.tolist(), last.tolist(), strict=True):
            ends = [
                text[start : start + size]
                for start, size in (
                    (int(key_start[low]), int(nodes.key_bytes[low])),
                    (int(key_start[high]), int(nodes.key_bytes[high])),
                )
            ]
            self._ends[place] = (ends[0], ends[1])
        self.entries += len(nodes.start)
        if not self._keeps_pairs and (nodes.flags & ~np.uint16(_BIG)).any():
            raise _Damage(f"table {self._name} has a node that is no plain value")
        chosen = range(len(nodes.start)) if self._keeps_pairs else np.flatnonzero(nodes.flags)
        for node in chosen:
            start, size = int(key_start[node]), int(nodes.key_bytes[node])
            value, value_size = start + size, int(nodes.value_bytes[node])
            kept: bytes | tuple[int, int] = text[value : value + value_size]
            if nodes.flags[node] == _BIG:
                kept = (int.from_bytes(text[value : value + 8], "little"), value_size)
                self.overflows.append(kept)
            if self._keeps_pairs:
                self._keep(text[start : start + size], kept, int(nodes.flags[node]))

    def check_bounds(self, bounds: list[bytes | None]) -> None:
        """Compare neighbouring leaves with the keys that separate them in the branches."""
        before: bytes | None = None
        for bound, (first, last) in zip(bounds, self._ends, strict=True):
            lower, key = self._sortable(bound), self._sortable(first)
            if lower is not None and key is not None and key < lower:
                raise _Damage(f"table {self._name} has key {first.hex()} in the wrong leaf")
            limit = key if lower is None else lower
            if before is not None and limit is not None and before >= limit:
                raise _Damage(f"table {self._name} has keys out of order near {first.hex()}")
            before = self._sortable(last)

    def _sortable(self, key: bytes | None) -> bytes | None:
        return key[::-1] if self._integers and key is not None else key

    def _keep(self, key: bytes, value: bytes | tuple[int, int], flags: int) -> None:
        if self._integers:
            wrong = len(key) != 8 or flags & ~_BIG
        else:
            wrong = flags != _SUBTREE or not isinstance(value, bytes) or len(value) != _tree.size
        if wrong:
            raise _Damage(f"table {self._name} has an entry that LMDB does not write")
        self.pairs.append((key, value))

    def _check_order(
        self, flat: NDArray[np.uint8], nodes: _Nodes, key_start: NDArray[np.int64]
    ) -> None:
        """Keys must rise within each page: by their first 16 bytes, else in full."""
        width = 8 if self._integers or int(nodes.key_bytes.max()) <= 8 else 16
        places = key_start[:, None] + np.arange(width)
        heads = flat[np.minimum(places, len(flat) - 1)]
        heads[np.arange(width) >= nodes.key_bytes[:, None]] = 0
        if self._integers:
            heads = np.ascontiguousarray(heads[:, ::-1])
        words = heads.view(">u8").astype(np.uint64)
        same_page = nodes.page[1:] == nodes.page[:-1]
        high, low = words[:, 0], words[:, -1]
        rises = (high[:-1] < high[1:]) | ((high[:-1] == high[1:]) & (low[:-1] < low[1:]))
        equal = (high[:-1] == high[1:]) & (low[:-1] == low[1:])
        for node in np.flatnonzero(equal & same_page):
            one, two = (
                flat[key_start[n] : key_start[n] + nodes.key_bytes[n]].tobytes()
                for n in (node, node + 1)
            )
            rises[node] = one < two
        if not rises[same_page].all():
            raise _Damage(f"table {self._name} has keys out of order within a page")


def _nodes_of(
    pages: NDArray[np.uint8], numbers: NDArray[np.int64], name: str
) -> tuple[_Nodes, NDArray[np.int64]]:
    """Return the nodes of a batch of leaves and how many each has, after checking their frame."""
    size = pages.shape[1]
    shorts = pages.view("<u2")
    lower, upper = shorts[:, 6].astype(np.int64), shorts[:, 7].astype(np.int64)
    framed = (lower > _HEADER_BYTES) & (lower % 2 == 0) & (lower <= upper) & (upper <= size)
    if not ((pages.view("<u8")[:, 0] == numbers) & (shorts[:, 5] == _LEAF) & framed).all():
        raise _Damage(f"table {name} has a page that is no leaf near page {int(numbers[0])}")
    counts = (lower - _HEADER_BYTES) // 2
    used = np.arange(int(counts.max())) < counts[:, None]
    page = np.nonzero(used)[0]
    offset = shorts[:, 8 : 8 + used.shape[1]][used].astype(np.int64)
    if not ((offset >= upper[page]) & (offset + 8 <= size) & (offset % 2 == 0)).all():
        raise _Damage(f"table {name} has a node outside its page near page {int(numbers[0])}")
    start = page * size + offset
    flat = pages.reshape(-1).view("<u2")
    low, high, flags, key_bytes = (flat[start // 2 + word].astype(np.int64) for word in range(4))
    value_bytes = low | high << 16
    length = 8 + key_bytes + np.where(flags == _BIG, 8, value_bytes)
    length += length % 2
    order = np.argsort(start)
    ends = (start + length)[order]
    # Nodes fill the space above `upper` without gaps, whatever their order in the page.
    following = np.append(start[order][1:], 0)
    last_of_page = np.append(page[order][1:] != page[order][:-1], True)
    following[last_of_page] = (page[order][last_of_page] + 1) * size
    first_of_page = np.append(True, last_of_page[:-1])
    tight = (start[order][first_of_page] == (np.arange(len(pages)) * size + upper)).all()
    if not tight or (ends != following).any() or (key_bytes == 0).any():
        raise _Damage(f"table {name} has nodes that overlap near page {int(numbers[0])}")
    return _Nodes(page, start, key_bytes, value_bytes, flags.astype(np.uint16)), counts
