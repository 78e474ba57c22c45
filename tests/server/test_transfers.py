"""Do snapshots go in and out in pieces, and is everything that is no upload refused?"""

import random
from pathlib import Path

import pytest

from ruvector.errors import BadInput
from ruvector.server.multipart import EPILOGUE_BYTES, HEAD_BYTES, FileForm
from ruvector.snapshots.folder import form_of

TYPE = b"multipart/form-data; boundary=xyz"
HEAD = b'--xyz\r\ncontent-disposition: form-data; name="snapshot"; filename="a"\r\n\r\n'
END = b"\r\n--xyz--\r\n"
UPLOAD = "/collections/docs/snapshots/upload"


def taken(body: bytes, sizes: list[int], content_type: bytes = TYPE) -> bytes:
    """Return the file in a body that comes in pieces of these sizes, again and again."""
    form, found, start, turn = FileForm(content_type), b"", 0, 0
    while start < len(body):
        size = sizes[turn % len(sizes)]
        found += form.take(body[start : start + size])
        start, turn = start + size, turn + 1
    form.finish()
    return found


@pytest.mark.parametrize("sizes", [[1], [2, 3, 5], [7, 1, 1], [1000], [4096, 1]])
@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"\r\n", b"\r\n--xy", b"\r\n--xy\r\n--xyy" * 9, b"--xyz", bytes(5000)],
)
def test_the_file_comes_out_however_the_body_is_cut(content: bytes, sizes: list[int]) -> None:
    assert taken(HEAD + content + END, sizes) == content
    assert taken(HEAD + content + END[:-2], sizes, TYPE.replace(b"xyz", b'"xyz"')) == content


def test_our_own_form_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(random.Random(1).randbytes(3_000_000))
    form = form_of(file)
    body = b"".join(form.pieces)
    assert len(body) == form.size
    kind = f"multipart/form-data; boundary={form.boundary}".encode()
    assert taken(body, [65_536], kind) == file.read_bytes()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing",
        HEAD,
        HEAD + b"content",
        HEAD + b"content\r\n--xyz",
        HEAD + b"content\r\n--xyz-",
        HEAD + b"content" + END + b"x",
        HEAD + b"content" + END + bytes(EPILOGUE_BYTES),
        HEAD + b"one\r\n" + HEAD + b"two" + END,
        HEAD.replace(b"snapshot", b"other") + b"content" + END,
        HEAD.replace(b"name=", b"title=") + b"content" + END,
        b"preamble\r\n" + HEAD + b"content" + END,
        b"--xyz\r\n" + b"a" * HEAD_BYTES + b"\r\n\r\n",
        b"--xyz" + b"a" * 2 * HEAD_BYTES,
    ],
)
def test_what_is_no_form_of_one_file_is_refused(body: bytes) -> None:
    for sizes in ([1], [100], [100_000]):
        with pytest.raises(BadInput):
            taken(body, sizes)


@pytest.mark.parametrize(
    "kind",
    ["", "application/json", "multipart/form-data", "multipart/mixed; boundary=xyz"],
)
def test_an_upload_of_another_kind_is_refused_before_it_is_read(database, kind: str) -> None:
    touched: list[int] = []
    answer = database("POST", UPLOAD, HEAD + b"x" + END, [("content-type", kind)], touched=touched)
    assert answer.status == 400
    assert not touched


def test_a_wrong_upload_leaves_nothing(database) -> None:
    headers = [("content-type", TYPE.decode())]
    for body in (HEAD + b"no snapshot" + END, HEAD + b"cut off", HEAD + bytes(10_000) + END):
        answer = database("POST", UPLOAD, body, headers, chunks=[body[:50], body[50:]])
        assert answer.status == 400, answer.text
    assert database("POST", UPLOAD + "?wait=maybe", HEAD + END, headers).status == 400
    assert database("POST", UPLOAD + "?priority=mine", HEAD + END, headers).status == 422
    assert database("GET", "/collections/docs/snapshots").result == []
    assert database("GET", "/collections").result["collections"] == [{"name": "docs"}]


def test_a_download_tells_its_length_and_a_head_sends_no_body(database) -> None:
    name = database("POST", "/collections/docs/snapshots").result["name"]
    path = f"/collections/docs/snapshots/{name}"
    whole = database("GET", path)
    assert whole.status == 200
    assert len(whole.body) == int(whole.headers["content-length"])
    only_head = database("HEAD", path)
    assert only_head.body == b""
    assert only_head.headers["content-length"] == whole.headers["content-length"]
    assert database("GET", path + "x").status == 404
    for _ in range(40):  # more than may run at once: each of them ends
        assert database("GET", path).status == 200
