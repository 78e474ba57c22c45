"""Does the server keep to its own OpenAPI document, whatever it is sent? Asked by Schemathesis.

Each operation is asked for what the document allows, narrowed to a collection that is there, and
for what it forbids; answers must be no 5xx, have a documented status, and be of the documented
form. The short form takes a few examples of each, always the same; the long one many more.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.conftest import Server
from tests.openapi import narrowing

from ruvector.server.specification import specification

POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
SHORT, LONG = {POSITIVE: 5, NEGATIVE: 2}, {POSITIVE: 40, NEGATIVE: 40}  # examples
DOCUMENT = specification()
NARROWED = narrowing.narrowed(DOCUMENT)
OPERATIONS = {
    mode: {each.ok().label: each.ok() for each in schema.get_all_operations()}
    for mode, schema in (
        (POSITIVE, schemathesis.openapi.from_dict(NARROWED)),
        (NEGATIVE, schemathesis.openapi.from_dict(DOCUMENT)),
    )
}
ASKED = [
    pytest.param(mode, label, id=f"{mode.value} {label}")
    for mode, operations in OPERATIONS.items()
    for label, operation in operations.items()
    if mode is POSITIVE or operation.body or operation.query
]


class Asked:
    """A server with one collection that is made anew when a request has changed what it is."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._made: Any = None

    def send(self, case: Case) -> Any:
        """Return the answer to a request, after the collection was seen to."""
        self._prepare()
        return case.call(base_url=self.url, session=self._session)

    def _prepare(self) -> None:
        about = self._ask("GET", "")
        if self._made is not None and self._shape(about) == self._made:
            return
        self._ask("DELETE", "")
        self._ask("PUT", "", narrowing.CREATE)
        self._ask("PUT", "/points", {"points": narrowing.points()})
        for field, schema in narrowing.INDEXES.items():
            self._ask("PUT", "/index", {"field_name": field, "field_schema": schema})
        self._session.put(f"{self.url}/quotas", json={})
        self._made = self._shape(self._ask("GET", ""))

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.url}/collections/{narrowing.NAME}{path}"
        return self._session.request(method, url, json=body).json()

    @staticmethod
    def _shape(about: Any) -> Any:
        """Return what of a collection must stay for most requests to make sense."""
        found = about.get("result")
        if not found:
            return None
        indexes = sorted(found["payload_schema"])
        return found["config"], indexes, found["points_count"] >= narrowing.POINTS


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Return a server of this module alone: its collections, quotas and aliases come and go."""
    folder = tmp_path_factory.mktemp("schemathesis")
    settings = folder / "settings.toml"
    settings.write_text("audit.enabled = true\n")
    server = Server(folder / "database", ("--config", str(settings)))
    yield Asked(server.url)
    server.stop()


def ask(asked: Asked, mode: GenerationMode, label: str, examples: int) -> Counter[int]:
    """Send examples of an operation; return the statuses. Fails on an answer of another form."""
    statuses: Counter[int] = Counter()
    operation = OPERATIONS[mode][label]
    path = narrowing.path_of(label)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=path))
    def send(case: Case) -> None:
        if isinstance(case.body, bytes) and not case.body.strip():
            return  # read as an empty object, which many bodies may be
        narrowing.make_sensible(case, is_allowed=mode is POSITIVE)
        answer = asked.send(case)
        statuses[answer.status_code] += 1
        # Whether a request makes sense also depends on data: see `check`.
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])

    try:
        send()
    except Unsatisfiable:
        assert mode is NEGATIVE  # nothing that can be sent is forbidden
    return statuses


def check(asked: Asked, mode: GenerationMode, label: str, examples: int) -> None:
    statuses = ask(asked, mode, label, examples)
    is_of_clusters = "200" not in OPERATIONS[mode][label].definition.raw["responses"]
    if mode is POSITIVE and not is_of_clusters and not narrowing.needs_snapshot(label):
        assert statuses[200], f"no request was accepted: {dict(statuses)}"


@pytest.mark.parametrize(("mode", "label"), ASKED)
def test_answers_are_as_documented(asked: Asked, mode: GenerationMode, label: str) -> None:
    check(asked, mode, label, SHORT[mode])


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "label"), ASKED)
def test_answers_are_as_documented_at_length(
    asked: Asked, mode: GenerationMode, label: str
) -> None:
    check(asked, mode, label, LONG[mode])
