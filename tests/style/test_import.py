"""What does `import ruvector` bring with it? Nothing heavy, and no thread."""

import subprocess
import sys

HEAVY = ("grpc", "pyarrow", "boto3", "opentelemetry", "uvicorn", "yaml", "pydantic", "tqdm")


def test_import_is_light_and_starts_no_thread() -> None:
    """Whoever embeds the database does not pay for the server."""
    program = (
        "import sys, threading, ruvector\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], threading.active_count())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["[]", "1"]
