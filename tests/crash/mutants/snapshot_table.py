"""Which bugs of archived logs and restores to a moment are planted, and which test must fail?"""

from tests.crash.mutants.table import Mutant

UNTIL = ("tests/snapshots/test_until.py",)
ARCHIVE = ("tests/snapshots/test_log_archive.py",)

SNAPSHOTS = (
    Mutant(
        "PITR",
        "log truncated before it is archived",
        "collection/compaction.py",
        (("        shard.before_truncation(sequence)\n", ""),),
        UNTIL,
    ),
    Mutant(
        "PITR",
        "hole in the archive passed over",
        "snapshots/archived_log.py",
        (("if first > self.last + 1:", "if False:"),),
        ARCHIVE,
    ),
    Mutant(
        "PITR",
        "digest of a piece unchecked",
        "snapshots/log_piece.py",
        (("    if file.read() != digest.digest():", "    if False:"),),
        ARCHIVE,
    ),
    Mutant(
        "PITR",
        "pieces that disagree are not compared",
        "snapshots/archived_log.py",
        (("if seen[number - start - 1] != crc:", "if False:"),),
        ARCHIVE,
    ),
    Mutant(
        "PITR",
        "operation at the moment left out",
        "snapshots/until.py",
        (("entry.time > until.time", "entry.time >= until.time"),),
        UNTIL,
    ),
    Mutant(
        "PITR",
        "moment beyond the archive accepted",
        "snapshots/until.py",
        (("    _check_reached(log, until, known_until)\n", ""),),
        ARCHIVE,
    ),
    Mutant(
        "PITR",
        "batch cut in two",
        "snapshots/until.py",
        (("    if following:\n", "    if False:\n"),),
        UNTIL,
    ),
    Mutant(
        "PITR",
        "settings not in the log",
        "collection/kept_log.py",
        (
            (
                "                self._note(config)\n            except",
                "                pass\n            except",
            ),
        ),
        UNTIL,
    ),
    Mutant(
        "PITR",
        "restored collection goes on with the old log",
        "snapshots/restore.py",
        (("            forget_log(collection.shard)\n", ""),),
        UNTIL,
    ),
    Mutant(
        "PITR",
        "restored collection has the system's clock",
        "snapshots/restore.py",
        (("clock=catalog.clock, ", ""),),
        UNTIL,
    ),
    Mutant(
        "PITR",
        "log that was not kept for a while goes on",
        "collection/kept_log.py",
        (("identity = identity if time else None", "pass"),),
        ARCHIVE,
    ),
    Mutant(
        "D11",
        "snapshot listed before it is on the disk",
        "snapshots/create.py",
        (("        os.fsync(descriptor)\n", ""), ("    drop_from_cache(staged)", "    pass")),
        ("tests/crash/test_snapshot_cut.py",),
    ),
    Mutant(
        "D11",
        "download not compared with its checksum",
        "snapshots/folder.py",
        (("if checksum not in (None, found := digest.hexdigest()):", "if False:"),),
        ("tests/snapshots/test_downloads.py",),
    ),
    Mutant(
        "L4",
        "queue of a lane without an end",
        "server/pool.py",
        (("        return waiting >= self.waiting\n", "        return False\n"),),
        ("tests/crash/test_slow_disk.py",),
    ),
    Mutant(
        "L7",
        "reader of the tables never ends",
        "storage/transaction.py",
        (
            (
                "        self._transaction.abort()\n\n    @property\n    def last_sequence",
                "        globals().setdefault('KEPT', []).append(self._transaction)\n\n"
                "    @property\n    def last_sequence",
            ),
        ),
        ("tests/overload/test_leaks.py",),
    ),
    Mutant(
        "L7",
        "file of a snapshot never closed",
        "snapshots/archive.py",
        (
            (
                "        self._archive.__exit__(None, None, None)",
                "        globals().setdefault('KEPT', []).append(self._archive)",
            ),
        ),
        ("tests/overload/test_leaks.py",),
    ),
    Mutant(
        "S5",
        "the server asks for a newer version",
        "server/asgi.py",
        (
            (
                "import asyncio\n",
                "import asyncio\nimport contextlib\nimport socket\n"
                "with contextlib.suppress(OSError):\n"
                "    socket.create_connection(('192.0.2.1', 443), 0.1)\n",
            ),
        ),
        ("tests/security/test_silence.py",),
    ),
    Mutant(
        "S6",
        "undeclared package imported",
        "server/logs.py",
        (("import logging\n", "import logging\nimport jinja2\n"),),
        ("tests/security/test_dependencies.py",),
    ),
    Mutant(
        "D3",
        "trouble after a restore was named undoes it",
        "collection/endings.py",
        (
            (
                "    except (OSError, lmdb.Error, RuvectorError) as error:",
                "    except KeyError as error:",
            ),
        ),
        ("tests/snapshots/test_restore_faults.py",),
    ),
    Mutant(
        "D4",
        "collection that may be gone accepts writes",
        "collection/endings.py",
        (("collection.shard.store.poison(error)", "pass"),),
        ("tests/snapshots/test_restore_faults.py",),
    ),
    Mutant(
        "PITR",
        "pieces behind what the archive claims not missed",
        "snapshots/until.py",
        (("log.last >= claim.last", "True"),),
        ("tests/snapshots/test_everything_until.py",),
    ),
    Mutant(
        "PITR",
        "aliases of what had been deleted restored",
        "snapshots/restore.py",
        ((" if name not in gone}", "}"),),
        ("tests/snapshots/test_everything_until.py",),
    ),
    Mutant(
        "PITR",
        "old pieces of other databases removed",
        "snapshots/folder.py",
        (("path.parent.name in logs and ", ""),),
        ("tests/snapshots/test_log_archive.py",),
    ),
)
