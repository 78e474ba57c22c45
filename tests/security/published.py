"""What does the page promise about who may do what? Its tables, read for the tests."""

import re
from pathlib import Path

from ruvector.model.permissions import Permission, Reach

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "security.md"
REACHES = {
    "of anything, shows what may be read": Reach.LISTING,
    "of the server": Reach.SERVER,
    "of the collection": Reach.COLLECTION,
}


def rows_of(heading):
    """Return the rows of the first table below a heading, each a list of cells."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE).group()
    return [
        [cell.strip() for cell in line.strip("| \n").split(" | ")] for line in table.splitlines()
    ][2:]


def published_roles():
    """Return the permissions of each role."""
    return {
        role: frozenset(Permission(word) for word in permissions.split(", "))
        for roles, permissions in rows_of("Roles")
        for role in re.findall(r"`(\w+)`", roles)
    }


def published_needs():
    """Return what each request needs: a permission and its reach, or None for nothing."""
    found = {}
    for needs, requests in rows_of("Who may do what"):
        word, _, rest = needs.partition(" ")
        need = None if word == "nothing" else (Permission(word), REACHES[rest])
        for request in re.findall(r"`([^`]+)`", requests):
            assert request not in found, request
            found[request] = need
    return found
