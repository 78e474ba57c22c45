"""Does /docs work for a person? A real browser opens it, and shows every operation."""

import os
import re
import shutil
import subprocess

import pytest

from ruvector.model.operations import OPERATIONS

CHROMIUM = shutil.which("chromium")
# Without these, a browser talks to its maker as soon as it starts.
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: chromium)")
def test_the_page_shows_every_operation(start_server, tmp_path):
    url = start_server(tmp_path / "data").url
    command = [
        CHROMIUM,
        *QUIET,
        f"--user-data-dir={tmp_path / 'browser'}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        url + "/docs",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "Unable to render" not in shown
    operations = re.findall(r'class="opblock opblock-[a-z]+', shown)
    assert len(operations) >= len(OPERATIONS), shown[:2000] if os.environ.get("CI") else ""
