"""How Sphinx builds these pages: ``python3 dev.py docs``, or ``sphinx-build -W -n docs docs/_build/html``.

Nothing is fetched while building, and a built page fetches nothing from elsewhere.
"""

import json
from pathlib import Path

project = "CodeMAD Jupyter"
author = "CodeMAD Jupyter contributors"
project_copyright = author
release = json.loads((Path(__file__).parents[1] / "package.json").read_text(encoding="utf-8"))["version"]

extensions = ["myst_parser"]
exclude_patterns = ["_build", "example"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"CodeMAD Jupyter {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
