"""Which bugs are planted, and which test must fail for each?

One row: the promise, a name, the file below src/ruvector, replacements of text, tests.
"""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One planted bug; a change is (old, new) in `file`, or (another file, old, new)."""

    promise: str
    name: str
    file: str
    changes: tuple[tuple[str, str] | tuple[str, str, str], ...]
    tests: tuple[str, ...]


CUT = ("tests/crash/test_power_cut.py",)
POINTS = "tests/crash/test_io_points.py"
KILLS = (f"{POINTS}::test_a_kill_at_any_step_loses_and_invents_nothing",)
ERRORS = (f"{POINTS}::test_after_an_io_error_nothing_acknowledged_is_lost",)
TRACE = (f"{POINTS}::test_each_manifest_commit_names_only_durable_files",)
DAMAGE = ("tests/crash/test_damaged_folder.py",)
HOLE = ("tests/crash/test_log_hole.py",)
FULL = ("tests/crash/test_full_disk.py",)
MODEL = ("tests/properties/test_model.py",)
SNAPSHOTS = (f"{POINTS}::test_a_snapshot_or_a_restore_that_is_cut_off_is_whole_or_nothing",)
NAMED = (f"{POINTS}::test_each_manifest_commit_names_only_durable_files",)
HOSTILE = ("tests/snapshots/test_hostile_archives.py",)
MOMENT = ("tests/snapshots/test_moments.py",)

STORE = "storage/shard_store.py"
TRANSACTION = "storage/transaction.py"
ENVIRONMENT = "storage/environment.py"
FILES = "storage/files.py"
SHARD = "collection/shard.py"

MUTANTS = (
    Mutant(
        "D1",
        "answer before commit",
        STORE,
        (
            (
                "            transaction.commit()\n        except lmdb.Error",
                "            for request in prepared:\n"
                "                request.future.set_result([0])\n"
                "            time.sleep(0.02)\n"
                "            transaction.commit()\n        except lmdb.Error",
            ),
            (
                "            request.future.set_result(answer)",
                "            request.future.done() or request.future.set_result(answer)",
            ),
        ),
        (*KILLS, *CUT),
    ),
    Mutant("D1", "no fsync of data", ENVIRONMENT, (("sync=True,\n", "sync=False,\n"),), CUT),
    Mutant(
        "D1", "no fsync of the meta page", ENVIRONMENT, (("metasync=True", "metasync=False"),), CUT
    ),
    Mutant(
        "D2",
        "batch in two transactions",
        "collection/writes.py",
        (
            (
                "        sequences[:] = collection.write(\n"
                "            changes, frees_space=frees_space, timeout_seconds=request.timeout\n"
                "        )\n",
                "        sequences[:] = [s for c in changes for s in collection.write(\n"
                "            [c], frees_space=frees_space, timeout_seconds=request.timeout\n"
                "        )]\n",
            ),
        ),
        MODEL,
    ),
    Mutant(
        "D3",
        "segment named before its fsync",
        FILES,
        (
            (
                "            os.fsync(descriptor)\n",
                "            pass\n",
            ),
        ),
        TRACE,
    ),
    Mutant(
        "D3",
        "no fsync of the folder",
        FILES,
        (("        sync_folder(path.parent)\n    except OSError:", "    except OSError:"),),
        TRACE,
    ),
    Mutant(
        "D3",
        "log truncated before the segment is named",
        "collection/compaction.py",
        (
            (
                "        new = self._write(_only_alive(growing), next_row, spaces)\n",
                "        shard.store.commit(lambda t: t.truncate_log(sequence), lambda _: None,"
                " frees_space=True).result()\n"
                "        new = self._write(_only_alive(growing), next_row, spaces)\n",
            ),
        ),
        (*KILLS, *CUT),
    ),
    Mutant(
        "D3",
        "log truncated beyond what was sealed",
        "collection/compaction.py",
        (("truncate_log(sequence)", "truncate_log(transaction.last_sequence)"),),
        (*CUT, "tests/crash/test_kill.py"),
    ),
    Mutant(
        "D3",
        "old segments removed before the commit",
        "collection/compaction.py",
        (
            (
                "        shard.store.commit(prepare, applied, frees_space=True).result()\n",
                "        for file in gone:\n"
                "            remove_file(shard.store.segments_path / file)\n"
                "        shard.store.commit(prepare, applied, frees_space=True).result()\n",
            ),
        ),
        (*KILLS, *ERRORS),
    ),
    Mutant(
        "D4",
        "write errors swallowed",
        STORE,
        (
            (
                "_is_lack_of_space(error):\n                raise\n",
                "_is_lack_of_space(error):\n                return prepared\n",
            ),
        ),
        ERRORS,
    ),
    Mutant(
        "D4",
        "no poison after a failed commit",
        STORE,
        (("            self.poisoned = error\n", "            pass\n"),),
        ERRORS,
    ),
    Mutant(
        "D4",
        "side file fails after the snapshot was let go",
        STORE,
        (
            (
                "                self._side_file.write(self._record.number)\n        except",
                "                pass\n        except",
            ),
            (
                "        before.abort()\n        return prepared",
                "        before.abort()\n        if prepared:\n"
                "            self._side_file.write(self._record.number)\n        return prepared",
            ),
        ),
        ERRORS,
    ),
    Mutant(
        "D4",
        "deletion of what may exist is answered with no",
        "collection/catalog.py",
        (("if self._meta.poisoned is not None:", "if False:"),),
        ("tests/crash/test_failed_creation.py",),
    ),
    Mutant(
        "D5",
        "reserve never released",
        "storage/space.py",
        (("            self._reserve.unlink(missing_ok=True)\n", ""),),
        ("tests/storage/test_full_disk.py", *FULL),
    ),
    Mutant(
        "D5",
        "lack of space poisons",
        STORE,
        (
            (
                "            if not self._is_lack_of_space(error):\n                raise\n",
                "            raise\n",
            ),
        ),
        (f"{POINTS}::test_no_space_at_any_step_harms_nothing", *FULL),
    ),
    Mutant(
        "D6",
        "CRC of values unchecked",
        TRANSACTION,
        (
            (
                "records = open_values(found, _POINTS, RESIDUE)",
                "records = [stored[:-4] for _, stored in found]",
            ),
            (
                "            if crc32c(stored, crc32c(key, _IDS)) != RESIDUE:",
                "            if False:",
            ),
            (
                "storage/checksums.py",
                "    if crc32c(stored, crc32c(key, seed)) != RESIDUE:",
                "    if False:",
            ),
        ),
        DAMAGE,
    ),
    Mutant(
        "D6",
        "blocks of segments unchecked",
        "storage/segment_file.py",
        (
            (
                "            _check_blocks(path, descriptor, start, length, table)\n",
                "            pass\n",
            ),
        ),
        DAMAGE,
    ),
    Mutant(
        "D6",
        "pages unchecked before opening",
        ENVIRONMENT,
        (("            _refuse_damaged_pages(path)\n", "            pass\n"),),
        DAMAGE,
    ),
    Mutant(
        "D6",
        "side file ignored",
        STORE,
        (("    if record.number < noted:", "    if False:"),),
        (*DAMAGE, "tests/storage/test_damage.py"),
    ),
    Mutant(
        "D7",
        "hole accepted",
        STORE,
        (
            (
                "    elif record.rows != (rows := reader.stored_rows()):",
                "    elif not (rows := reader.stored_rows()):",
            ),
            (
                "    elif ends != expected or rows[0] != record.last_sequence - record.checkpoint:",
                "    elif False:",
            ),
            (TRANSACTION, "        if expected <= record.last_sequence:", "        if False:"),
        ),
        HOLE,
    ),
    Mutant(
        "D7",
        "log read up to the first hole",
        TRANSACTION,
        (("        if expected <= record.last_sequence:", "        if False:"),),
        ("tests/storage/test_damage.py",),
    ),
    Mutant(
        "D8",
        "half of a first meta store blocks the start",
        ENVIRONMENT,
        (("st_size < FIRST_WRITE_BYTES", "st_size == 0"),),
        KILLS,
    ),
    Mutant(
        "D9",
        "empty environment taken for a new one",
        STORE,
        (
            (
                "    if not is_fresh(path / STORE_FOLDER):\n        return\n",
                "    return\n",
            ),
            (
                "return empty and noted == 0 and not any(self.segments_path.iterdir())",
                "return empty",
            ),
            ("    if record.number < noted:", "    if False:"),
            (
                "collection/catalog.py",
                "stored.config,\n                read_only=self.read_only,",
                "stored.config,\n                create=not self.read_only,",
            ),
        ),
        DAMAGE,
    ),
    Mutant(
        "D9",
        "empty meta store taken for a new one",
        "storage/meta_store.py",
        (("        if orphan is not None:", "        if False:"),),
        DAMAGE,
    ),
    Mutant(
        "I1",
        "store updated, index not",
        SHARD,
        (
            (
                "            self.indexes.discard(row, _decode(old))\n"
                "            self.indexes.add(row, _decode(new))\n",
                "            pass\n",
            ),
        ),
        MODEL,
    ),
    Mutant(
        "I1",
        "index updated, store not",
        "collection/prepare.py",
        (
            (
                "for (row, record), payload in zip(chosen, payloads, strict=True)\n        )",
                "for (row, record), payload in ()\n        )",
            ),
        ),
        MODEL,
    ),
    Mutant(
        "I1",
        "dead rows come back with the log",
        "collection/recover.py",
        (("growing.kill(rows[~np.isin(rows, rows_of(live))])", "pass"),),
        MODEL,
    ),
    Mutant(
        "D11",
        "snapshot listed before its fsync",
        "snapshots/create.py",
        (("        os.fsync(descriptor)\n", ""),),
        NAMED,
    ),
    Mutant(
        "D11",
        "restored files named before their fsync",
        "snapshots/tar.py",
        (("            os.fsync(target)\n", ""),),
        NAMED,
    ),
    Mutant(
        "D11",
        "snapshot made under its final name",
        "snapshots/create.py",
        (
            (
                "    staged = folder.temporary()\n",
                '    staged = folder.root / "collections" / "a" / f"{time.time()}.snapshot"\n'
                "    staged.parent.mkdir(parents=True, exist_ok=True)\n",
            ),
        ),
        SNAPSHOTS,
    ),
    Mutant(
        "D11",
        "old collection removed before the new one is named",
        "collection/catalog.py",
        (
            (
                "            commit_end_of(self._meta, map(self._open.get, stored), changes)\n",
                "            for each in stored:\n"
                "                if each in self._stored:\n"
                "                    files.remove_folder(\n"
                "                        self.root / COLLECTIONS_FOLDER\n"
                "                        / self._stored[each].folder\n"
                "                    )\n"
                "            commit_end_of(self._meta, map(self._open.get, stored), changes)\n",
            ),
        ),
        SNAPSHOTS,
    ),
    Mutant(
        "D11",
        "files of a snapshot are not held",
        "storage/pins.py",
        (("            if self._counts[name]:\n", "            if False:\n"),),
        MOMENT,
    ),
    Mutant(
        "D11",
        "tables newer than the manifest of the files",
        "storage/transaction.py",
        (("compact=True, txn=self._transaction", "compact=True"),),
        MOMENT,
    ),
    Mutant(
        "D11",
        "collections of one snapshot at different moments",
        "collection/catalog.py",
        (
            (
                "                held.enter_context(collection.shard.lock)\n",
                "                pass\n",
            ),
        ),
        MOMENT,
    ),
    Mutant(
        "H2",
        "files of a snapshot are not compared with the manifest",
        "snapshots/archive.py",
        (("!= self._files[member.name].sha256", "== 0"),),
        HOSTILE,
    ),
    Mutant(
        "H4",
        "tar header of another kind followed",
        "snapshots/tar.py",
        (("if size < 0 or _header(text, size) != head:", "if size < 0:"),),
        HOSTILE,
    ),
    Mutant(
        "H4",
        "link followed to a snapshot",
        "snapshots/locations.py",
        (
            (
                "if (root.resolve() / inside).resolve() != root.resolve() / inside:",
                "if False:",
            ),
        ),
        HOSTILE,
    ),
)
