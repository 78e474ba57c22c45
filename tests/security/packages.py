"""What does ruvector bring along? The packages that are declared, and what those need."""

import importlib.metadata as metadata
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Of packages whose metadata do not say it; as their LICENSE files have it (0003 of the decisions).
LICENCES = {"rabitqlib": "Apache-2.0 AND MPL-2.0"}


def normal(name: str) -> str:
    """Return a package's name as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> dict[str, Requirement]:
    """Return what pyproject.toml asks for, extras included."""
    texts = [*PROJECT["dependencies"], *(text for name in EXTRAS for text in EXTRAS[name])]
    found = [Requirement(text) for text in texts]
    return {normal(each.name): each for each in found if normal(each.name) != "ruvector"}


def needs_of(package: metadata.Distribution, extras: tuple[str, ...] = ("",)) -> list[Requirement]:
    """Return what a package with these extras needs on this machine."""
    found = []
    for text in package.requires or ():
        needed = Requirement(text)
        marker = needed.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
            needed.marker = None
            found.append(needed)
    return found


def brought_along() -> dict[str, metadata.Distribution]:
    """Return every package that the declared ones need, and those themselves."""
    found: dict[str, metadata.Distribution] = {}
    waiting = list(declared().values())
    while waiting:
        wanted = waiting.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        name = normal(wanted.name)
        if name in found:
            continue
        package = found[name] = metadata.distribution(name)
        waiting += needs_of(package, ("", *wanted.extras))
    return found


def compiled_in() -> dict[str, metadata.Distribution]:
    """Return the packages whose sources are compiled into the kernel."""
    wanted = [Requirement(text) for text in PYPROJECT["build-system"]["requires"]]
    names = [normal(each.name) for each in wanted]
    return {
        name: metadata.distribution(name) for name in names if name in ("nanobind", "rabitqlib")
    }


def licence_of(package: metadata.Distribution) -> str:
    """Return what a package says of its licence, "" where it says nothing."""
    described = package.metadata
    classifiers = described.get_all("Classifier") or []
    return (
        described.get("License-Expression")
        or "; ".join(line for line in classifiers if line.startswith("License ::"))
        or described.get("License")
        or LICENCES.get(normal(described["Name"]), "")
    )
