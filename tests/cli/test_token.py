"""Does `ruvector token create` sign what a server takes, and refuse what it would not?"""

import pytest

from ruvector.cli import main
from ruvector.security.keyring import Keyring

KEY = "k" * 32


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("RUVECTOR__SERVICE__API_KEY", KEY)


def created(capsys, *flags):
    assert main(["token", "create", *flags]) == 0
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    keys = Keyring(api_key=KEY, takes_tokens=True, require_access=True)
    return keys.identify(output.strip().encode(), None)


def test_token_has_what_the_flags_say(capsys):
    flags = ["--subject", "me", "--expires", "1h", "--value-exists", "users:id=7"]
    caller = created(capsys, *flags, "--collection", "docs=rw", "--collection", "*=read")
    assert (caller.subject, caller.role) == ("me", "read")
    assert {name: len(granted) for name, granted in caller.grants.items()} == {"docs": 4, "*": 1}
    assert caller.proof.matches == (("id", "7"),)
    assert created(capsys, "--access", "m").role == "manage"


def test_key_may_come_from_the_configuration(capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("RUVECTOR__SERVICE__API_KEY")
    file = tmp_path / "config.yaml"
    file.write_text(f"service:\n  api_key: {KEY}\n")
    assert created(capsys, "--config", str(file), "--access", "r").role == "read"


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--access", "w"], "access"),
        (["--collection", "docs"], "NAME=ROLE"),
        (["--collection", "docs=m"], "access[0].access"),
        (["--collection", "a/b=r"], "access[0].collection"),
        (["--access", "r", "--expires", "soon"], "--expires"),
        (["--access", "r", "--value-exists", "users:id"], "--value-exists"),
    ],
)
def test_what_a_server_would_refuse_is_not_signed(capsys, flags, named):
    assert main(["token", "create", *flags]) == 1
    captured = capsys.readouterr()
    assert named in captured.err
    assert captured.out == ""
    assert KEY not in captured.err


def test_without_a_key_nothing_is_signed(capsys, monkeypatch):
    monkeypatch.delenv("RUVECTOR__SERVICE__API_KEY")
    assert main(["token", "create", "--access", "r"]) == 1
    assert "RUVECTOR__SERVICE__API_KEY" in capsys.readouterr().err
