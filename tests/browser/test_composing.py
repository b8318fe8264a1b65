"""What helps while one writes: ghost text in cells, names after `@`, and things dropped onto the panel."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab, running_lab
from tests.browser.sidebar import Sidebar, themes
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Turn

FRAME = "import pandas as pd\nsales = pd.DataFrame({'region': ['n', 's'], 'amount_eur': [1.5, 2.5]})\nsales"
CELLS = (("markdown", "intro", "# Sales"), ("code", "load", FRAME), ("code", "last", "total = "))
GHOST = ".jp-GhostText"
CONTINUES = "Continue|<before>"


@pytest.fixture(scope="module")
def composing_lab(tmp_path_factory: pytest.TempPathFactory, scripted_server: ModelServer) -> Iterator[Lab]:
    """A lab whose person chose the scripted model, for completions too."""
    folder = tmp_path_factory.mktemp("composing-lab")
    env = {
        "CODEMAD_COMPATIBLE_BASE_URL": scripted_server.openai_url,
        "CODEMAD_COMPATIBLE_MODELS": "scripted",
        "CODEMAD_MODEL": "compatible/scripted",
        "CODEMAD_COMPLETION_MODEL": "compatible/scripted",
        "CODEMAD_DATA_DIR": str(folder / "codemad"),
    }
    with running_lab(folder, env=env) as lab:
        yield lab


def sent(script: ModelServer) -> str:
    """The last request that reached the model."""
    return str(script.asked[-1].body["messages"])


def drag(page: Page, source: Locator, target: Locator) -> None:
    """Drag with the mouse as a person does: JupyterLab begins after some pixels."""
    source.hover()
    page.mouse.down()
    box = target.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=12)


def test_ghost_text_appears_and_tab_takes_it(
    composing_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., object]
) -> None:
    desk = open_desk(composing_lab, CELLS)
    script.play(Turn(text="sales.amount_eur.sum()", match=CONTINUES))
    desk.document.type_into("last", " ")
    expect(desk.page.locator(GHOST)).to_contain_text("sales.amount_eur.sum()")
    asked = sent(script)
    assert "sales = pd.DataFrame" in asked  # the cell above
    assert "<before>total =" in asked
    for name in themes(desk.page):
        picture(desk.page, name)
    desk.document.cell("last").locator(".cm-content").click()
    script.play(Turn(text="42", match=CONTINUES))
    desk.document.type_into("last", " ")
    expect(desk.page.locator(GHOST)).to_contain_text("42")
    desk.page.keyboard.press("Tab")
    desk.document.wait_for_source("last", "total =   42")
    expect(desk.page.locator(GHOST)).to_have_count(0)


def test_typing_on_ends_the_call_that_is_out_of_date(
    composing_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(composing_lab, CELLS)
    script.play(Turn(text="stale", hang=True, match=CONTINUES), Turn(text="fresh", match=CONTINUES))
    desk.document.type_into("last", "a")
    assert script.wait_for(lambda server: len(server.asked) == 1)
    desk.page.keyboard.insert_text("bc")
    expect(desk.page.locator(GHOST)).to_contain_text("fresh")
    assert script.wait_for(lambda server: server.asked[0].closed_at is not None)
    assert len(script.asked) == 2  # one pause, one question
    assert "<before>total = abc</before>" in sent(script)


def test_a_failing_model_is_told_once_and_nothing_is_asked_in_a_raw_cell(
    composing_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(composing_lab, (*CELLS, ("raw", "raw", "just text")))
    desk.document.type_into("raw", " more")
    desk.page.wait_for_timeout(1500)  # beyond the pause after which would be asked
    assert script.asked == []
    script.play(Turn(status=401, error="authentication_error", match=CONTINUES))
    desk.document.type_into("last", "x")
    notice = desk.page.locator(".Toastify__toast").filter(has_text="could not continue")
    expect(notice).to_have_count(1)
    assert len(script.asked) == 1
    desk.document.type_into("last", "y")
    desk.page.wait_for_timeout(1500)
    assert len(script.asked) == 1
    expect(notice).to_have_count(1)


def test_an_at_sign_points_at_a_variable_of_the_live_kernel(
    composing_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., object]
) -> None:
    (composing_lab.root / "my sales.csv").write_text("region,amount\nn,1\n")
    desk = open_desk(composing_lab, CELLS, load=True)
    message, panel = desk.sidebar.message, desk.sidebar.panel
    options = panel.get_by_role("option")
    message.press_sequentially("sum of @sal")
    expect(options.first).to_contain_text("sales")
    expect(options.first).to_contain_text("DataFrame 2 x 2")
    for name in themes(desk.page):
        message.focus()
        message.press_sequentially("e")
        expect(options.first).to_have_attribute("aria-selected", "true")
        picture(desk.page, name)
        assert desk.sidebar.violations() == []
        message.press("Backspace")
    message.press("Escape")
    expect(options).to_have_count(0)
    expect(message).to_have_value("sum of @sal")
    expect(message).to_be_focused()
    message.press("Backspace")
    expect(options).to_have_count(0)  # closed stays closed
    message.fill("")
    message.press_sequentially("sum of @sales")
    expect(options.first).to_contain_text("variable")
    message.press("Enter")
    expect(message).to_have_value("sum of @var:sales ")
    message.press_sequentially("and @file:my")
    expect(options.first).to_contain_text("my sales.csv")
    message.press("Tab")
    expect(message).to_have_value('sum of @var:sales and @file:"my sales.csv" ')
    expect(message).to_be_focused()
    script.play(Turn(text="4.0"))
    message.press("Enter")
    expect(desk.sidebar.runs).to_have_count(1)
    desk.sidebar.finished(desk.sidebar.runs.first)
    asked = sent(script)
    attachments = asked.partition("attachments")[2]
    assert "amount_eur" in attachments
    assert "File my sales.csv" in attachments


def test_a_file_of_the_browser_is_dropped_and_read(
    composing_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., object]
) -> None:
    (composing_lab.root / "notes.md").write_text("the answer is 4711\n")
    (composing_lab.root / "folder").mkdir(exist_ok=True)
    desk = open_desk(composing_lab, CELLS)
    page, panel = desk.page, desk.sidebar.panel
    page.evaluate("() => void window.jupyterapp.commands.execute('filebrowser:go-to-path', {path: ''})")
    files = page.locator(".jp-DirListing-item")
    drag(page, files.filter(has_text="notes.md"), panel)
    expect(panel).to_contain_text("Drop it to ask about it")
    picture(page, "over")
    page.mouse.up()
    chips = panel.get_by_role("list", name="Goes with your message")
    expect(chips).to_contain_text("notes.md")
    drag(page, files.filter(has_text="folder"), panel)
    page.mouse.up()
    expect(panel.get_by_role("alert")).to_contain_text("folder is a folder")
    for name in themes(page):
        picture(page, name)
    assert desk.sidebar.violations() == []
    script.play(Turn(text="4711"))
    desk.sidebar.ask("what is the answer?")
    assert "the answer is 4711" in sent(script)
    expect(desk.sidebar.runs).to_contain_text("With file notes.md.")
    expect(chips).to_have_count(0)
    assert (composing_lab.root / "notes.md").exists()  # not moved


def test_cells_and_outputs_are_dropped_or_asked_about(
    composing_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., object]
) -> None:
    desk = open_desk(composing_lab, CELLS, load=True)
    page, panel = desk.page, desk.sidebar.panel
    chips = panel.get_by_role("list", name="Goes with your message").get_by_role("listitem")
    cell = desk.document.cell("load")
    drag(page, cell.locator(".jp-InputArea-prompt"), panel)
    page.mouse.up()
    expect(chips).to_have_count(1)
    expect(chips).to_contain_text("2: import pandas as pd")
    drag(page, cell.locator(".jp-OutputArea-promptOverlay"), panel)
    page.mouse.up()
    expect(chips).to_have_count(2)
    expect(chips.nth(1)).to_contain_text("of cell 2")
    chips.nth(1).get_by_role("button", name="Leave out").click()
    expect(chips).to_have_count(1)
    cell.locator(".jp-OutputArea-output").click(button="right")
    page.get_by_role("menuitem", name="Ask CodeMAD about this Output").click()
    expect(chips).to_have_count(2)
    picture(page)
    script.play(Turn(text="Two rows."))
    desk.sidebar.ask("what is this?")
    asked = sent(script)
    assert "Output of cell load" in asked
    assert "Cell load:" in asked
    assert desk.document.ids() == ["intro", "load", "last"]


def test_files_of_the_persons_machine_go_as_text_or_are_refused(
    composing_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    (composing_lab.root / "private.txt").write_text("nobody asked for this")
    desk = open_desk(composing_lab, CELLS)
    panel = desk.sidebar.panel
    drop(
        desk.sidebar,
        {"mine.md": b"see @file:private.txt\n", "photo.png": b"\x89PNG\0\xff", "big.txt": b"x" * 200_000},
    )
    chips = panel.get_by_role("list", name="Goes with your message").get_by_role("listitem")
    expect(chips).to_have_count(1)
    expect(chips).to_contain_text("mine.md")
    expect(panel.get_by_role("alert").filter(has_text="photo.png is no text")).to_be_visible()
    expect(panel.get_by_role("alert").filter(has_text="200,000 bytes")).to_be_visible()
    script.play(Turn(text="Read."))
    desk.sidebar.ask("read it")
    asked = sent(script)
    assert "see @file:private.txt" in asked
    assert "nobody asked for this" not in asked


def drop(sidebar: Sidebar, files: dict[str, bytes]) -> None:
    """Drop files as a desktop does."""
    transfer = sidebar.page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of Object.entries(files)) {
                transfer.items.add(new File([new Uint8Array(bytes)], name));
            }
            return transfer;
        }""",
        {name: list(content) for name, content in files.items()},
    )
    for event in ("dragenter", "dragover", "drop"):
        sidebar.message.dispatch_event(event, {"dataTransfer": transfer})
