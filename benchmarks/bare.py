"""What does a request cost before anybody looks at it? uvicorn with an application that does
nothing.

    python benchmarks/bare.py PORT

The base line of rest.py: the same process, loop and parser as `ruvector serve`, on the same machine
in the same minute.
"""

import sys
from typing import Any

import uvicorn


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the body and answer an empty object."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"13")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"result":{}}'})


if __name__ == "__main__":
    uvicorn.run(
        application,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
