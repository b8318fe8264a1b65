"""JupyterLab loads in a browser with CodeMAD in it, and with the locks on."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import Lab
from tests.waiting import LIMIT

ACTIVATED = "() => window.jupyterapp.isPluginActivated('codemad-jupyter:plugin')"


def test_lab_loads_with_our_plugin(page: Page) -> None:
    expect(page.get_by_role("menuitem", name="File", exact=True)).to_be_visible()
    page.wait_for_function(ACTIVATED)


def test_our_kernel_is_offered(page: Page) -> None:
    expect(page.get_by_title("Python 3 (CodeMAD)").first).to_be_visible()


def test_nobody_gets_in_without_the_token(lab: Lab) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(lab.url + "/api/contents", timeout=LIMIT)
    assert b"codemad_jupyter | extension was successfully loaded" in lab.log.read_bytes()
