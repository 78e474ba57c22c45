"""Do the official clients of other languages work unchanged? Their tours, and the guide's examples.

`make test-clients` runs this; `make test` leaves it out, because compiling takes minutes.
"""

from functools import cache

import pytest
from tests.clients.comparing import differences
from tests.clients.programs import LANGUAGES, Language
from tests.conftest import Server

pytestmark = pytest.mark.clients

TOURS = [(name, transport) for name, language in LANGUAGES.items() for transport in language.tours]


@cache
def prepared(name: str, server: Server) -> Language:
    """Return a language, built once a session."""
    LANGUAGES[name].prepare((server.port, server.grpc_port))
    return LANGUAGES[name]


@pytest.mark.parametrize(("name", "transport"), TOURS)
def test_client_makes_the_tour(name: str, transport: str, server: Server) -> None:
    """Every step answers what is expected; the report names who made it."""
    report = prepared(name, server).tour(transport, server)
    assert report["client"] == f"{name} {transport}"
    assert differences(report["answers"]) == []


@pytest.mark.parametrize("name", LANGUAGES)
def test_example_of_the_guide_prints_what_the_page_shows(name: str, server: Server) -> None:
    """The code is the page's, and so is the output."""
    language = prepared(name, server)
    assert language.succeed(language.example) == language.block("text")
