"""Which bugs of access and TLS are planted, and which test must fail for each?"""

from tests.crash.mutants.table import Mutant

ATTACKS = "tests/security/test_attacks.py"
MATRIX = ("tests/security/test_matrix.py",)
GRPC = "tests/security/test_grpc_matrix.py"
TOKENS = ("tests/security/test_tokens.py",)
JUDGED = "tests/security/test_judgement.py"
TLS = "tests/server/test_tls.py"
AUDIT = ("tests/server/test_audit_reader.py",)
HOSTS = ("tests/server/test_access.py::test_browsers_cannot_get_in_without_a_key",)

CALLERS = "security/callers.py"
CLAIMS = "security/claims.py"
TOKEN = "security/tokens.py"  # noqa: S105 - a file
KEYRING = "security/keyring.py"
JUDGEMENT = "security/judgement.py"
GATE = "server/access.py"
CERTIFICATES = "server/tls.py"

CHECK = "            self._gate.check(exchange.caller, match)\n"
IDENTIFY = (
    "            exchange.caller = self._gate.identify("
    "exchange.method, match, exchange.headers, address)\n"
)
HANDLE = "            answer: Answer = await route.handle(exchange)\n"

SECURITY = (
    Mutant(
        "S1",
        "permission asked after the body",
        "server/asgi.py",
        ((CHECK, ""), (HANDLE, HANDLE + CHECK)),
        MATRIX,
    ),
    Mutant(
        "S1",
        "key asked after the body",
        "server/asgi.py",
        ((IDENTIFY, ""), (HANDLE, HANDLE + IDENTIFY)),
        MATRIX,
    ),
    Mutant(
        "S1",
        "messages of gRPC read before access",
        "server/grpc/calls.py",
        (
            ("self._gate.identify(call.headers, address)", "ANYONE"),
            (
                "        collection = getattr(",
                "        call.caller = self._gate.identify(call.headers)\n"
                "        collection = getattr(",
            ),
        ),
        (f"{GRPC}::test_large_message_of_who_may_not_is_not_read",),
    ),
    Mutant(
        "S2",
        "paths decoded before they are matched",
        "server/router.py",
        (
            (
                'raw_path.split(b"/")',
                'unquote_to_bytes(raw_path).split(b"/")',
            ),
        ),
        (f"{ATTACKS}::test_no_spelling_and_no_method_gets_more", "tests/server/test_access.py"),
    ),
    Mutant(
        "S2",
        "algorithm of the header followed",
        TOKEN,
        (('header.get("alg") == ALGORITHM', 'header.get("alg") in (ALGORITHM, "none")'),),
        TOKENS,
    ),
    Mutant("S2", "signature not asked", TOKEN, (("not any(matches) or ", ""),), TOKENS),
    Mutant(
        "S2",
        "header fields passed over",
        TOKEN,
        (("header.keys() <= HEADER_FIELDS", "True"),),
        TOKENS,
    ),
    Mutant(
        "S2",
        "Base64 read kindly",
        TOKEN,
        (("decoded if _encode(decoded) == text else None", "decoded"),),
        TOKENS,
    ),
    Mutant(
        "S2",
        "expiry asked once",
        KEYRING,
        (
            (
                "        if caller.expires <= time.time():",
                "        if token not in self._remembered:",
            ),
        ),
        TOKENS,
    ),
    Mutant(
        "S2",
        "keys compared by ==",
        KEYRING,
        (("hmac.compare_digest(given, key)", "given == key"),),
        TOKENS,
    ),
    Mutant(
        "S2",
        "the read-only key signs tokens",
        KEYRING,
        (
            (
                "for key in (api_key, alt_api_key) if key",
                "for key in (api_key, alt_api_key, read_only_api_key) if key",
            ),
        ),
        MATRIX,
    ),
    Mutant(
        "S2",
        "unknown parts of a grant passed over",
        CLAIMS,
        (("    if unknown:\n", "    if unknown and False:\n"),),
        TOKENS,
    ),
    Mutant(
        "S2",
        "prw may build indexes",
        CLAIMS,
        (('"prw": _POINTS,', '"prw": _POINTS | {Permission.MAINTAIN},'),),
        MATRIX,
    ),
    Mutant(
        "S2",
        "aliases not resolved",
        CALLERS,
        (("grants.get(aliases.get(name, name), NO_PERMISSIONS)", "()"),),
        (f"{JUDGED}::test_aliases_are_resolved_before_judging", *MATRIX),
    ),
    Mutant(
        "S2",
        "a grant on a collection reaches the server",
        CALLERS,
        (("if reach is Reach.SERVER:", "if reach is None:"),),
        MATRIX,
    ),
    Mutant(
        "S2",
        "lookups elsewhere not judged",
        JUDGEMENT,
        (("        caller.check(Permission.READ, name, aliases)\n", ""),),
        (f"{JUDGED}::test_lookups_elsewhere_need_access_there",),
    ),
    Mutant(
        "S2",
        "parts of a batch not judged",
        JUDGEMENT,
        (("isinstance(request, r.BatchUpdate)", "False"),),
        (f"{JUDGED}::test_each_part_of_a_batch_is_judged",),
    ),
    Mutant(
        "S2",
        "listings not cut",
        JUDGEMENT,
        (("    if found is None:\n", "    if True:\n"),),
        (f"{JUDGED}::test_listings_show_what_may_be_read",),
    ),
    Mutant(
        "S2",
        "metrics not cut",
        "server/service.py",
        (("return lambda name: may(Permission.READ, name, aliases)", "return lambda name: True"),),
        (f"{JUDGED}::test_metrics_show_what_may_be_read",),
    ),
    Mutant(
        "S2",
        "the point of a token not looked up",
        "server/asgi.py",
        (("if exchange.caller.proof is not None:", "if False:"),),
        (f"{JUDGED}::test_token_holds_as_long_as_its_point_exists",),
    ),
    Mutant(
        "S2",
        "the point of a token not looked up on the spot",
        "server/immediate.py",
        (("if caller.proof is not None:", "if False:"),),
        (
            f"{JUDGED}::test_token_holds_as_long_as_its_point_exists",
            f"{JUDGED}::test_quick_searches_of_a_token_with_a_point_are_not_answered_on_the_spot",
        ),
    ),
    Mutant(
        "S2",
        "gRPC executes for anyone",
        "server/grpc/calls.py",
        (
            ("execute(request, call.caller)", "execute(request, ANYONE)"),
            ("self._gate.check(procedure.request, call.caller, collection)", "str(collection)"),
        ),
        (GRPC,),
    ),
    Mutant(
        "S2",
        "Host not asked of reads",
        GATE,
        (
            (
                "        self._check_host(headers)\n",
                "        if method not in READING:\n            self._check_host(headers)\n",
            ),
        ),
        HOSTS,
    ),
    Mutant(
        "S3",
        "open door without a key",
        "server/run.py",
        (("if not has_key(service) and not insecure and", "if False and"),),
        (f"{ATTACKS}::test_start_is_safe_or_refused",),
    ),
    Mutant(
        "S3",
        "short keys sign tokens",
        "server/configuration.py",
        (("if 0 < size < MIN_SIGNING_KEY_BYTES and", "if 0 < size < 1 and"),),
        (f"{ATTACKS}::test_start_is_safe_or_refused",),
    ),
    Mutant(
        "S4",
        "the wrong key in the answer",
        KEYRING,
        (("raise Unauthorized(WRONG_KEY)\n", "raise Unauthorized(WRONG_KEY + repr(token))\n"),),
        (f"{ATTACKS}::test_secrets_are_in_no_answer_no_log_and_no_file", *TOKENS),
    ),
    Mutant(
        "H4",
        "names lead out of the folder",
        "model/names.py",
        (
            ("    if found:\n", "    if False:\n"),
            ('if name in (".", ".."):', "if False:"),
        ),
        (f"{ATTACKS}::test_no_name_leads_out_of_the_folder",),
    ),
    Mutant(
        "H4",
        "certificates read once",
        CERTIFICATES,
        (("            if signature == self._tried:\n", "            if True:\n"),),
        (f"{TLS}::test_changed_certificates_are_taken",),
    ),
    Mutant(
        "H4",
        "certificates that do not fit taken",
        CERTIFICATES,
        (
            (
                "as error:\n            _log",
                "as error:\n            self._looked = None\n            _log",
            ),
        ),
        (f"{TLS}::test_files_that_do_not_fit_change_nothing",),
    ),
    Mutant(
        "H4",
        "certificates of clients not required",
        CERTIFICATES,
        (("ssl.CERT_REQUIRED", "ssl.CERT_OPTIONAL"),),
        (f"{TLS}::test_client_certificates_are_required_where_asked_for",),
    ),
    Mutant(
        "H4",
        "old versions of TLS",
        CERTIFICATES,
        (
            ("ssl.TLSVersion.TLSv1_2", "ssl.TLSVersion.TLSv1"),
            (
                "        context.num_tickets = 0",
                "        context.set_ciphers('ALL:@SECLEVEL=0')\n        context.num_tickets = 0",
            ),
        ),
        (f"{TLS}::test_old_versions_are_refused",),
    ),
    Mutant(
        "H4",
        "our client trusts every server",
        "client/rest.py",
        (('"cert_reqs": "CERT_REQUIRED"', '"cert_reqs": "CERT_NONE", "assert_hostname": False'),),
        (f"{TLS}::test_our_client_verifies_and_shows_certificates",),
    ),
    Mutant(
        "S1",
        "wrong keys not counted",
        "security/attempts.py",
        (("            self._windows[place] = (began, count + 1)\n", ""),),
        ("tests/security/test_attempts.py",),
    ),
    Mutant(
        "S1",
        "a right key passes whoever guessed it",
        "security/attempts.py",
        (("            if self._windows:\n", "            if False:\n"),),
        ("tests/security/test_attempts.py",),
    ),
    Mutant(
        "S2",
        "audit log shown to readers",
        "server/audit_reader.py",
        (("Access.MANAGE", "Access.READ"),),
        MATRIX,
    ),
    Mutant(
        "S2",
        "audit log filtered by the beginning of a value",
        "server/audit_reader.py",
        (('[1:-1].encode() + b","', "[1:-1].rstrip('\"').encode()"),),
        AUDIT,
    ),
    Mutant(
        "D6",
        "line of the audit log goes on where a crash cut one off",
        "server/audit.py",
        (("        _end_line(self._file.fileno())\n", ""),),
        AUDIT,
    ),
)
