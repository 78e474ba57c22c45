"""How is the API read by people? Swagger UI, from the files of the swagger-ui-py package.

Nothing comes from outside and no script stands in the page: the policy forbids both. `img-src
data:` is for the arrows that Swagger's style sheet draws; `'unsafe-inline'` for styles, not
scripts, is for the widths it sets on elements.
"""

from importlib.util import find_spec
from pathlib import Path

from ruvector.errors import NotFound
from ruvector.model.permissions import Reach
from ruvector.server.answers import Answer
from ruvector.server.exchange import Exchange
from ruvector.server.pool import WorkerPool
from ruvector.server.router import Access, Route

POLICY = (
    b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    b"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
GUARDS = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>ruvector API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = b"""SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""
# Only these files are served; the name in the path is looked up here and never joined to a folder.
FILES = {
    "swagger-ui.css": b"text/css; charset=utf-8",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "favicon-32x32.png": b"image/png",
}


class Pages:
    """/docs and the files it needs, read once when first asked for."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._files: dict[str, Answer] = {"start.js": _answer(START, b"text/javascript")}

    def routes(self) -> list[Route]:
        """Return the page and its files."""
        return [
            Route("GET", "/docs", Access.READ, "Documentation", self._page, reach=Reach.LISTING),
            Route(
                "GET", "/docs/{file}", Access.READ, "Documentation", self._file, reach=Reach.LISTING
            ),
        ]

    async def _page(self, _: Exchange) -> Answer:
        return _answer(PAGE, b"text/html; charset=utf-8")

    async def _file(self, exchange: Exchange) -> Answer:
        name = exchange.names["file"]
        if name not in self._files:
            if name not in FILES:
                raise NotFound("there is no such page")
            self._files[name] = await self._pool.submit(lambda: _read(name))
        return self._files[name]


def _read(name: str) -> Answer:
    package = find_spec("swagger_ui")  # found, not imported: only its files are wanted
    if package is None or not package.submodule_search_locations:
        raise NotFound("swagger-ui-py is not installed: pip install ruvector[server]")
    folder = Path(package.submodule_search_locations[0]) / "static"
    return _answer((folder / name).read_bytes(), FILES[name])


def _answer(body: bytes, kind: bytes) -> Answer:
    return Answer(200, body, ((b"content-type", kind), *GUARDS))
