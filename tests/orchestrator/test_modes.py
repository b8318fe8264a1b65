"""Which mode may be chosen, by whom it is barred, and what is said about it."""

import pytest

from codemad_jupyter.orchestrator.modes import Limit, Modes, asked_mode, standing_text
from codemad_jupyter.protocol.commands import ChooseMode, Command, Prompt, Undo
from codemad_jupyter.protocol.errors import Conflict, ModeRefused
from codemad_jupyter.protocol.events import ModeChosen
from codemad_jupyter.protocol.permissions import STRICTEST_FIRST, Mode, SandboxState

STRONG = SandboxState(strength="strong", backend="bubblewrap")
WEAK = SandboxState(strength="limited", backend="landlock", reasons=("bubblewrap is not installed",))


async def strong() -> SandboxState:
    return STRONG


async def weak() -> SandboxState:
    return WEAK


async def test_each_change_is_told_and_holds() -> None:
    told: list[ModeChosen] = []
    modes = Modes("ask")
    modes.tell = told.append
    for mode in STRICTEST_FIRST:
        await modes.choose(mode, strong)
        assert modes.now == mode
    assert [(each.was, each.mode) for each in told][:2] == [("ask", "plan"), ("plan", "batch")]
    assert modes.settled == "ask"


async def test_an_automatic_mode_needs_a_strong_sandbox_and_says_why() -> None:
    modes = Modes("auto_edit")
    with pytest.raises(ModeRefused, match=r"sandbox here is limited \(bubblewrap is not installed\)") as told:
        await modes.choose("auto_sandboxed", weak)
    assert (told.value.code, modes.now) == ("auto_mode_refused", "auto_edit")
    await modes.choose("auto_sandboxed", strong)
    assert modes.now == "auto_sandboxed"


async def test_nothing_goes_beyond_what_a_project_left() -> None:
    modes = Modes("ask", limit=Limit("ask", "codemad.toml of this folder says so"))
    with pytest.raises(ModeRefused, match=r"codemad\.toml of this folder says so; ask is the loosest"):
        await modes.choose("auto_edit", strong)
    await modes.choose("plan", strong)
    await modes.choose("ask", strong)
    assert modes.now == "ask"


async def test_while_a_run_goes_on_it_only_becomes_stricter() -> None:
    modes = Modes("ask")
    modes.busy = lambda: True
    with pytest.raises(Conflict, match="more than it began with"):
        await modes.choose("auto_edit", strong)
    await modes.choose("plan", strong)
    with pytest.raises(Conflict):
        await modes.choose("ask", strong)


@pytest.mark.parametrize(
    ("command", "mode", "loosens"),
    [
        (ChooseMode(session="s", mode="auto_edit"), "auto_edit", True),
        (ChooseMode(session="s", mode="plan"), "plan", False),
        (Prompt(session="s", text="/mode auto_sandboxed"), "auto_sandboxed", True),
        (Prompt(session="s", text="/MODE  auto_edit\n"), "auto_edit", True),
        (Prompt(session="s", text="/mode batch"), "batch", False),
        (Prompt(session="s", text="/mode"), None, False),
        (Prompt(session="s", text="which /mode auto_edit is it?"), None, False),
        (Undo(session="s"), None, False),
    ],
)
def test_whichever_way_it_is_asked_for(command: Command, mode: Mode | None, loosens: bool) -> None:
    assert asked_mode(command) == mode
    assert Modes("ask").loosened_by(command) is loosens


async def test_a_person_is_told_all_of_them_with_what_stands_in_the_way() -> None:
    limited = Modes("ask", limit=Limit("auto_edit", "somebody says so"))
    found = await limited.standing(weak)
    assert [info.name for info in found.modes if info.refused] == ["auto_sandboxed"]
    text = standing_text(await Modes("ask").standing(weak))
    assert "Refused here: the sandbox here is limited" in text
    assert "Sandbox **limited** (landlock): bubblewrap is not installed." in text
    assert text.splitlines()[-1].endswith("Read what you approve.")
    assert "Refused" not in standing_text(await Modes("ask").standing(strong))
