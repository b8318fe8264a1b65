"""What an operator writes for a hub, taken from docs/binder-and-hub.md: its model gateway with quotas, a
scraper of metrics, and the policy. Addresses, places and names are those of the test."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.hub import REPOSITORY, Hub
from tests.browser.lab import free_port
from tests.docs.pages import read
from tests.waiting import LIMIT

PAGE = REPOSITORY / "docs" / "binder-and-hub.md"
KEY = "sk-central-CANARY-93f1c7d2"
SCRAPER = "scraper-0a1b2c3d4e5f60718293a4b5"
MODEL = "compatible/gpt-6-sol"
GATEWAY = "/services/codemad-gateway/v1/models"
"""Below the hub's own address."""
LOOSER = """mode = "auto_sandboxed"
web_fetch = true
compatible_base_url = "http://127.0.0.1:9/v1"
"""
"""What somebody who would rather not be bound writes into their own settings."""


@dataclass(frozen=True)
class Operator:
    """Keeps the hub's files in a folder. ``upstream``: where the model is; ``student``: in the group whose
    quota is two calls."""

    folder: Path
    upstream: str
    student: str

    @property
    def environment(self) -> dict[str, str]:
        """Of the hub itself, and of none of the servers it starts."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {"CENTRAL_KEY": KEY, "SCRAPER_TOKEN": SCRAPER, "PATH": path}

    @property
    def policy(self) -> Path:
        return self.folder / "policy.toml"

    def configure(self, hub: Hub) -> str:
        """Write the files that the page has; what is the hub's own configuration."""
        here = {
            "http://127.0.0.1:8000": hub.url,
            "http://127.0.0.1:8090": f"http://127.0.0.1:{free_port()}",
            "/etc/codemad/gateway.toml": str(self.folder / "gateway.toml"),
            "/srv/jupyterhub": str(self.folder),
            "https://api.openai.com/v1": self.upstream,
            '"ben"': json.dumps(self.student),
            "calls = 50": "calls = 2",
        }
        files: dict[str, str] = {}
        for block in read(PAGE):
            if block.caption:
                files[block.caption] = files.get(block.caption, "") + block.text
        assert not [there for there in here if there not in "".join(files.values())]
        for name in files:
            for there, ours in here.items():
                files[name] = files[name].replace(there, ours)
            (self.folder / name).write_text(files[name])
        return files["jupyterhub_config.py"]

    def audit(self) -> list[dict[str, Any]]:
        """The gateway's own log."""
        lines = (self.folder / "codemad-audit.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def answer(url: str, token: str) -> tuple[int, str]:
    """How something behind the proxy answers this token, without one where it is empty."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=LIMIT) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
