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
)
