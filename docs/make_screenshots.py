"""Draws docs/pictures from the running product: JupyterLab with a scripted model, in both themes.

``python docs/make_screenshots.py [NAME …]`` draws them all, or those named. It needs what the browser tests
need (``python3 dev.py setup``, Chromium).
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.documents import Document
from tests.browser.lab import Lab, running_lab
from tests.browser.sidebar import Sidebar, themes, wait_until_restored
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 800}
LARGEST = 150_000
expect.set_options(timeout=90_000)  # a busy machine is slow
COLOURS = 128
PLOT = """import matplotlib.pyplot as plt

ax = sales.groupby("region")["units"].mean().plot.bar(rot=0, figsize=(5, 3))
ax.set_ylabel("mean units")
plt.show()"""


LOOK = Turn(text="Let me look at the table.", calls=(Call("inspect_variable", {"name": "sales"}),))


def proposing(text: str, *changes: Call) -> tuple[Turn, Turn]:
    """The model proposes these changes, and says this."""
    named = tuple(Call(call.name, call.arguments, id=f"call-{number}") for number, call in enumerate(changes))
    return Turn(calls=named), Turn(text=text)


def insert(source: str, title: str, *, after: str) -> Call:
    return Call("insert_cell", {"source": source, "title": title, "after": after})


class Studio:
    """A notebook beside the panel, ready to be drawn."""

    def __init__(self, lab: Lab, page: Page, script: ModelServer) -> None:
        self.script = script
        self.page = page
        self.sidebar = Sidebar(page)
        self.document = Document(page, "analysis.ipynb")
        lab.command(type="new_session")
        self.document.open()
        for cell in ("load", "shape"):
            self.document.run(cell)
        self.sidebar.open()
        page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

    def ask(self, question: str, *turns: Turn) -> None:
        self.script.play(*turns)
        self.sidebar.ask(question)

    def press(self, name: str) -> None:
        self.sidebar.panel.get_by_role("button", name=name, exact=True).first.click()


def sidebar(studio: Studio) -> None:
    """An accepted cell that ran, with the steps that led to it."""
    plot = insert(PLOT, "Plot mean units", after="shape")
    said = "South sells most, north least. Rows without a number of units are left out of the mean."
    studio.ask("plot the mean units by region", LOOK, *proposing(said, plot))
    studio.sidebar.cards.get_by_role("button", name="Accept and run").click()
    expect(studio.sidebar.cards).to_contain_text("Ran in")
    expect(studio.page.locator(".jp-OutputArea img")).to_be_visible()


def proposal(studio: Studio) -> None:
    """A cell that waits to be accepted."""
    group = insert('sales.groupby("region")["units"].agg(["mean", "count"])', "Mean units", after="shape")
    said = "The mean of each region, and how many rows it rests on."
    studio.ask("mean units by region", LOOK, *proposing(said, group))
    expect(studio.sidebar.cards).to_contain_text("tried: passed")


def review(studio: Studio) -> None:
    """Changed, new and deleted cells where they are."""
    load = 'import pandas as pd\n\nsales = pd.read_csv("sales.csv", parse_dates=["date"]).drop_duplicates()'
    rest = 'sales = sales.dropna(subset=["units"])'
    changes = (
        Call("replace_cell", {"cell": "load", "source": load, "title": "Leave out what is there twice"}),
        insert(rest, "Leave out rows without units", after="load"),
        Call("delete_cell", {"cell": "shape"}),
    )
    studio.ask("clean the table", *proposing("One row was there twice, three had no units.", *changes))
    expect(studio.sidebar.cards).to_have_count(3)


def sent(studio: Studio) -> None:
    """What the next prompt would send."""
    studio.sidebar.message.fill("why does cocoa sell better in winter?")
    studio.press("What is sent")
    expect(studio.sidebar.panel.get_by_role("region", name="What is sent")).to_contain_text("tokens")


def agents(studio: Studio) -> None:
    """Three agents at work."""
    tasks = {
        "analyst": "Which regions differ?",
        "security": "Is a secret in it?",
        "architect": "What is slow?",
    }
    calls = tuple(Call("delegate", {"task": task, "role": role}) for role, task in tasks.items())
    look = Turn(match="Which regions", calls=(Call("list_files", {"pattern": "*.ipynb"}),))
    waiting = [Turn(match=task.rstrip("?"), hang=True) for task in tasks.values()]
    studio.script.play(Turn(calls=calls), look, *waiting)
    studio.sidebar.send("look into this notebook from three sides")
    expect(studio.sidebar.panel.get_by_role("button", name="3 agents at work")).to_be_visible()
    studio.press("Run and agents")
    studio.script.wait_for(lambda server: len(server.asked) >= 5)


SCENES: tuple[Callable[[Studio], None], ...] = (sidebar, proposal, review, sent, agents)


def main(names: list[str]) -> int:
    """Draw the scenes named, or all."""
    PICTURES.mkdir(exist_ok=True)
    for scene in SCENES:
        if not names or scene.__name__ in names:
            with studio() as ready:
                scene(ready)
                for theme in themes(ready.page):
                    save(ready.page, PICTURES / f"{scene.__name__}-{theme}.png")
    return 0


@contextmanager
def studio() -> Iterator[Studio]:
    """A lab of its own for one scene, on a copy of the example."""
    with tempfile.TemporaryDirectory() as made, ModelServer() as script, chromium() as browser:
        folder = Path(made)
        shutil.copytree(ROOT / "docs" / "example", folder / "root")
        env = {
            "CODEMAD_ANTHROPIC_BASE_URL": script.url,
            "ANTHROPIC_API_KEY": "sk-ant-scripted",
            "CODEMAD_MODEL": "anthropic/claude-opus-5-5",
            "CODEMAD_DATA_DIR": str(folder / "codemad"),
            "CODEMAD_INSPECT_DEADLINE": "10",
        }
        with running_lab(folder, env=env) as lab:
            page = browser.new_context(viewport=SIZE).new_page()
            page.set_default_timeout(90_000)
            page.goto(lab.address("analysis.ipynb"))
            wait_until_restored(page)
            yield Studio(lab, page, script)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser that the tests use."""
    found = subprocess.run([sys.executable, ROOT / "dev.py", "chromium"], capture_output=True, text=True)
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found.stdout.strip() or None, args=flags)


def save(page: Page, path: Path) -> None:
    """The picture with few colours, small enough for a page."""
    drawn = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    drawn.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(ROOT)} {size / 1000:.0f} kB\n")
    if size > LARGEST:
        raise SystemExit(f"{path} is larger than {LARGEST / 1000:.0f} kB: show less, or use fewer colours.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
