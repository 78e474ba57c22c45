"""Do pages show the newest figures, and ratios of one run only?"""

import figures


def row(date, peer, settings, **more):
    empty = dict.fromkeys(("version", "build_seconds", "recall", "qps", "p50_us", "p99_us"), "")
    empty |= {"bytes_per_vector": "", "disturbed": "no", "note": "", "cpu_flags": "avx2"}
    named = {"date": date, "commit": "c" + date, "machine": "m", "dataset": "set 1x1"}
    return empty | named | {"peer": peer, "settings": settings} | more


def swept(date, peer, qps):
    return row(date, peer, "R=32 beam=10", recall="0.95", qps=str(qps), build_seconds="1")


def test_ratios_are_taken_within_one_run():
    rows = [swept("1", "ruvector", 100), swept("1", "faiss", 50)]
    rows += [swept("2", "ruvector", 900), swept("2", "hnswlib", 300)]
    lines = {line.split(" | ")[1]: line for line in figures.frontier(rows).splitlines()[2:5]}
    assert " 900 | - | 1.00 | - |" in lines["ruvector "]
    assert " 300 | - | 3.00 | - |" in lines["hnswlib "]
    assert " 50.00 | - | 2.00 | - |" in lines["faiss "]


def test_the_newest_run_of_a_kind_is_listed_whole():
    rows = [row("1", "ruvector", f"filter {share} beam=64", recall="1") for share in "abc"]
    rows += [row("2", "ruvector", f"filter {share} beam=64", recall="0.5") for share in "ab"]
    text = figures.SECTIONS["filters"](rows)
    assert text.count("0.5") == 2
    assert "filter c" not in text
    assert "at c2 on m." in text
    assert "c1" not in text


def test_every_row_has_a_section():
    kinds = {figures.kind_of(row) for row in figures.read()}
    assert kinds <= {"frontier", "database", "server", "missing", "more", *figures.KINDS}
    assert figures.kind_of(swept("1", "zvec", 5)) == "database"
    assert figures.kind_of(row("1", "faiss", "s", note="not installed")) == "missing"
    assert figures.kind_of(row("1", "x", "scan", qps="5")) == "more"


def test_disturbed_runs_say_so():
    text = figures.SECTIONS["more"]([row("1", "x", "scan", qps="5", disturbed="yes (load 2)")])
    assert "other work ran beside it" in text
    assert figures.SECTIONS["more"]([]) == "Not measured yet."
