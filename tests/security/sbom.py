"""What is shipped? A software bill of materials, from the metadata of what is installed here.

usage: sbom.py OUTPUT

CycloneDX 1.6 in JSON: ruvector, the packages that it brings along with all extras, what each needs,
and the sources that are compiled into the kernel. Every installed file is compared with the digest
that its package recorded for it, so that the list is about what runs; the exit code is 1 where one
differs. Nothing is fetched; the same environment gives the same file.
"""

import base64
import hashlib
import importlib.metadata as metadata
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.security.packages import (
    PROJECT,
    brought_along,
    compiled_in,
    declared,
    licence_of,
    needs_of,
    normal,
)

OWN = "ruvector"


def main(output: Path) -> int:
    """Write the file; print what is wrong with what is installed."""
    packages = brought_along() | compiled_in()
    changed = [text for each in packages.values() for text in changed_files(each)]
    for text in changed:
        print(f"not as it was installed: {text}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(bill(packages), indent=1) + "\n")
    print(f"sbom: {output}, components={len(packages)} changed_files={len(changed)}")
    return 1 if changed else 0


def bill(packages: dict[str, metadata.Distribution]) -> dict[str, Any]:
    """Return the document."""
    components = [component(name, package) for name, package in sorted(packages.items())]
    own = {
        "type": "application",
        "bom-ref": OWN,
        "name": OWN,
        "version": PROJECT["version"],
        "purl": f"pkg:pypi/{OWN}@{PROJECT['version']}",
        "licenses": [{"expression": PROJECT["license"]}],
    }
    directly = sorted({*declared(), *compiled_in()} & packages.keys())
    relations = [{"ref": OWN, "dependsOn": [reference(packages[name]) for name in directly]}]
    for _, package in sorted(packages.items()):
        names = sorted({normal(each.name) for each in needs_of(package)} & packages.keys())
        needed = [reference(packages[name]) for name in names]
        relations.append({"ref": reference(package), "dependsOn": needed})
    content = {"metadata": {"component": own}, "components": components, "dependencies": relations}
    number = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{number}"}
    return {**head, "version": 1, **content}


def component(name: str, package: metadata.Distribution) -> dict[str, Any]:
    """Return one package; `record`: the digest of the list of its files and their digests."""
    scope = "required" if name in {*map(normal, _required()), *compiled_in()} else "optional"
    record = hashlib.sha256((package.read_text("RECORD") or "").encode()).hexdigest()
    return {
        "type": "library",
        "bom-ref": reference(package),
        "name": name,
        "version": package.version,
        "purl": reference(package),
        "scope": scope,
        "licenses": [{"license": {"name": licence_of(package)}}],
        "properties": [{"name": "ruvector:sha256-of-record", "value": record}],
    }


def reference(package: metadata.Distribution) -> str:
    """Return the package's URL, which is its name within the document too."""
    return f"pkg:pypi/{normal(package.metadata['Name'])}@{package.version}"


def changed_files(package: metadata.Distribution) -> list[str]:
    """Return the files that are not what the package recorded, or are gone."""
    found = []
    for file in package.files or ():
        if file.hash is None:
            continue
        digest = hashlib.new(file.hash.mode)
        path = Path(str(file.locate()))
        if path.is_file():
            digest.update(path.read_bytes())
        if base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode() != file.hash.value:
            found.append(f"{package.metadata['Name']}: {file}")
    return found


def _required() -> list[str]:
    return [text.partition(">")[0].partition("=")[0] for text in PROJECT["dependencies"]]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
