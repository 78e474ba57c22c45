"""Which tokens are genuine? The RFC's example, and many that are forged."""

import ast
import base64
import hashlib
import hmac
import re
from pathlib import Path

import msgspec
import pytest

from ruvector.errors import BadInput, InvalidRequest, Unauthorized
from ruvector.security import keyring
from ruvector.security.claims import caller_of
from ruvector.security.keyring import Keyring
from ruvector.security.tokens import claims_of, sign

SECURITY = Path(keyring.__file__).parent
KEY = b"correct horse battery staple, and more"
CLAIMS = {"sub": "me", "exp": 99_999_999_999}


def encode(value):
    text = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def forge(header, claims=CLAIMS, key=KEY, hashed=hashlib.sha256):
    signed = encode(header) + b"." + encode(claims)
    return signed + b"." + encode(hmac.digest(key, signed, hashed))


GOOD = sign(CLAIMS, KEY).encode()
HEAD, BODY, SIGNATURE = GOOD.split(b".")
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_token_of_the_rfc_is_genuine():
    """RFC 7515, appendix A.1."""
    text = (
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        b"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        b"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    key = base64.urlsafe_b64decode(
        b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
    )
    assert claims_of(text, [key]) == {
        "iss": "joe",
        "exp": 1300819380,
        "http://example.com/is_root": True,
    }


def test_what_is_signed_is_genuine():
    assert claims_of(GOOD, [b"another", KEY]) == CLAIMS
    assert claims_of(forge({"alg": "HS256"}), [KEY]) == CLAIMS
    assert claims_of(forge({"alg": "HS256", "typ": "jwt", "kid": "7"}), [KEY]) == CLAIMS


FORGED = {
    "empty": b"",
    "dots": b"..",
    "one part": HEAD,
    "two parts": HEAD + b"." + BODY,
    "four parts": GOOD + b".x",
    "no signature": HEAD + b"." + BODY + b".",
    "alg none": encode({"alg": "none"}) + b"." + BODY + b".",
    "alg None, signed": forge({"alg": "None"}),
    "alg none, signed": forge({"alg": "none"}),
    "no alg": forge({"typ": "JWT"}),
    "alg hs256": forge({"alg": "hs256"}),
    "alg list": forge({"alg": ["HS256"]}),
    "HS512": forge({"alg": "HS512"}, hashed=hashlib.sha512),
    "HS512 called HS256": forge({"alg": "HS256"}, hashed=hashlib.sha512),
    "RS256": forge({"alg": "RS256"}),
    "crit": forge({"alg": "HS256", "crit": ["exp"]}),
    "jku": forge({"alg": "HS256", "jku": "https://evil.example/keys"}),
    "jwk": forge({"alg": "HS256", "jwk": {"k": "AA", "kty": "oct"}}),
    "x5u": forge({"alg": "HS256", "x5u": "https://evil.example/"}),
    "b64": forge({"alg": "HS256", "b64": False}),
    "zip": forge({"alg": "HS256", "zip": "DEF"}),
    "JWE": forge({"alg": "HS256", "typ": "JWE"}),
    "empty key": forge({"alg": "HS256"}, key=b""),
    "other key": forge({"alg": "HS256"}, key=b"guess"),
    "header is a list": forge([1]),
    "header is not JSON": forge(b"{"),
    "claims are a list": forge({"alg": "HS256"}, claims=[1]),
    "claims are not JSON": forge({"alg": "HS256"}, claims=b"{'a'}"),
    "claims are not UTF-8": forge({"alg": "HS256"}, claims=b'{"a":"\xff"}'),
    "claims changed": HEAD + b"." + encode({"sub": "you"}) + b"." + SIGNATURE,
    "deep": forge({"alg": "HS256"}, claims=b"[" * 9000),
    "padding": GOOD + b"=",
    "padded parts": b"==.".join((HEAD, BODY, SIGNATURE)),
    "space": HEAD + b". " + BODY + b"." + SIGNATURE,
    "line": GOOD + b"\n",
    "plain base64": HEAD + b"." + BODY + b"." + SIGNATURE[:-1] + b"+",
    "one letter": GOOD[:-1],
    "too long": sign({"sub": "x" * 50_000}, KEY).encode(),
    "not ASCII": "ü.ü.ü".encode(),
    "zero": b"\0.\0.\0",
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_forged_tokens_are_not(name):
    assert claims_of(FORGED[name], [KEY]) is None
    with pytest.raises(Unauthorized, match=r"^Invalid API key or JWT$"):
        Keyring(api_key=KEY.decode(), takes_tokens=True).identify(FORGED[name], None)


def test_a_token_has_one_spelling():
    last = ALPHABET.index(SIGNATURE[-1:])
    for other in range(64):
        spelled = GOOD[:-1] + ALPHABET[other : other + 1]
        assert (claims_of(spelled, [KEY]) is not None) == (other == last)


WRONG_CLAIMS = [
    ({"exp": "soon"}, "exp"),
    ({"exp": True}, "exp"),
    ({"exp": [1]}, "exp"),
    ({"nbf": 99_999_999_999}, "nbf"),
    ({"aud": "elsewhere"}, "aud"),
    ({"sub": 7}, "sub"),
    ({"access": None}, "access"),
    ({"access": "rw"}, "access"),
    ({"access": "R"}, "access"),
    ({"access": {}}, "access"),
    ({"access": ["r"]}, "access[0]"),
    ({"access": [{"collection": "a"}]}, "access[0].access"),
    ({"access": [{"collection": "a", "access": "m"}]}, "access[0].access"),
    ({"access": [{"collection": "a", "access": []}]}, "access[0].access"),
    ({"access": [{"collection": "a", "access": ["r", 1]}]}, "access[0].access"),
    ({"access": [{"access": "r"}]}, "access[0].collection"),
    ({"access": [{"collection": "", "access": "r"}]}, "access[0].collection"),
    ({"access": [{"collection": "../a", "access": "r"}]}, "access[0].collection"),
    ({"access": [{"collection": "a", "access": "r", "payload": {"k": 1}}]}, "access[0].payload"),
    ({"access": [{"collection": "a", "access": "r"}] * 1001}, "1000"),
    ({"value_exists": {}}, "value_exists"),
    ({"value_exists": {"collection": "a", "matches": []}}, "value_exists.matches"),
    ({"value_exists": {"collection": "a", "matches": [{"key": "k"}]}}, "matches[0]"),
    ({"value_exists": {"collection": "a", "matches": [{"key": "k", "value": 1.5}]}}, "matches[0]"),
    ({"value_exists": {"collection": "a", "matches": [{"key": 1, "value": 1}]}}, "matches[0]"),
]


@pytest.mark.parametrize(("claims", "named"), WRONG_CLAIMS)
def test_claims_that_cannot_be_kept_make_a_token_invalid(claims, named):
    with pytest.raises((BadInput, InvalidRequest)) as caught:
        caller_of(claims, require_exp=False, require_access=False)
    assert named in caught.value.message
    keys = Keyring(api_key=KEY.decode(), takes_tokens=True)
    with pytest.raises(Unauthorized) as refused:
        keys.identify(sign(claims, KEY).encode(), None)
    assert refused.value.message.startswith("Invalid API key or JWT: ")


@pytest.mark.parametrize("claims", [{}, {"access": "m"}, {"exp": 99_999_999_999}])
def test_missing_claims_can_be_refused(claims):
    token = sign(claims, KEY).encode()
    Keyring(api_key=KEY.decode(), takes_tokens=True).identify(token, None)
    for name in ("exp", "access"):
        strict = Keyring(api_key=KEY.decode(), takes_tokens=True, **{f"require_{name}": True})
        if name in claims:
            strict.identify(token, None)
        else:
            with pytest.raises(Unauthorized, match=f"{name} is missing"):
                strict.identify(token, None)


def test_tokens_are_taken_only_where_they_are_asked_for():
    with pytest.raises(Unauthorized, match=r"^Invalid API key or JWT$"):
        Keyring(api_key=KEY.decode()).identify(GOOD, None)


def test_remembered_token_expires_all_the_same(monkeypatch):
    keys = Keyring(api_key=KEY.decode(), takes_tokens=True)
    token = sign({"exp": 1000}, KEY).encode()
    monkeypatch.setattr(keyring.time, "time", lambda: 999.0)
    assert keys.identify(token, None) is keys.identify(None, b"Bearer " + token)
    monkeypatch.setattr(keyring.time, "time", lambda: 1000.0)
    with pytest.raises(Unauthorized, match="has expired"):
        keys.identify(token, None)


def test_only_so_many_tokens_are_remembered():
    keys = Keyring(api_key=KEY.decode(), takes_tokens=True)
    for number in range(keyring.MAX_REMEMBERED + 10):
        assert keys.identify(sign({"sub": str(number)}, KEY).encode(), None).subject == str(number)
        with pytest.raises(Unauthorized):
            keys.identify(b"forged.%d.x" % number, None)
    assert len(keys._remembered) == 10


@pytest.mark.parametrize(
    "given", [b"", b"\xff\xfe", "schlüssel!".encode(), b"k" * 60_000, b"a.b.c"]
)
def test_wrong_keys_of_any_form_are_refused_alike(given):
    keys = Keyring(api_key="schlüssel", read_only_api_key="other", takes_tokens=True)
    with pytest.raises(Unauthorized, match=r"^Invalid API key or JWT$"):
        keys.identify(given, None)
    assert keys.identify("schlüssel".encode(), None).credential == "api_key"
    assert keys.identify(None, b"bearer  other ").role == "read"


def test_secrets_are_compared_in_constant_time_only():
    """`==` ends at the first byte that differs, and a clock can tell."""
    secret = re.compile(r"key|signature|digest|credential|given|token", re.IGNORECASE)
    found = [
        f"{path.name}:{node.lineno}: {ast.unparse(node)}"
        for path in SECURITY.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and secret.search(ast.unparse(node))
        and ".keys() " not in ast.unparse(node)
    ]
    assert found == []
