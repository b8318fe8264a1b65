"""Answers while they come: seen as they stream, caught up with after a reload, stopped, and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Desk
from tests.browser.lab import Lab
from tests.browser.sidebar import themes
from tests.servers.model_server import ModelServer
from tests.servers.wire_formats import Call, Turn

ANSWER = """The two groups overlap between **12 and 16**, but their centres are far apart:

| diagnosis | mean | n |
|---|---:|---:|
| benign | 12.15 | 357 |
| malignant | 17.46 | 212 |

The standard error is $s/\\sqrt{n}$. To test the difference:

```python
from scipy import stats
groups = [g["mean radius"] for _, g in df.groupby("diagnosis")]
stats.ttest_ind(*groups, equal_var=False)  # Welch
```

1. `df` has no missing values in these columns
2. the variances differ, so Welch's test fits better
"""
WORDS = [f"w{number}" for number in range(4000)]


def words(run: Locator) -> list[str]:
    """The words of the answer so far, without the last one, which may be cut."""
    return run.locator(".codemad-markdown").inner_text().split()[:-1]


def test_an_answer_is_shown_while_it_streams(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk], picture: Callable[..., Path]
) -> None:
    desk = open_desk(scripted_lab, name="cancer")
    script.play(
        Turn(text="I look at the notebook first.", calls=(Call("read_notebook", {}),)),
        Turn(
            thinking="Two groups, unequal variances.", text=ANSWER + "END", delay=0.02, chunk=12, held_at=40
        ),
    )
    run = desk.sidebar.send("is the difference between the groups real?")
    expect(run.locator(".codemad-draft pre")).to_be_visible()
    expect(run).not_to_contain_text("END")
    expect(desk.sidebar.stop).to_be_visible()
    for theme in themes(desk.page):
        picture(desk.page, f"streaming-{theme}")
    script.go_on()
    desk.sidebar.finished(run)
    expect(run).to_contain_text("END")
    expect(run.locator(".codemad-markdown table")).to_have_count(1)
    expect(run.get_by_role("button", name="Copy code")).to_be_visible()
    expect(run).to_contain_text("tokens")
    assert desk.sidebar.violations() == []


def test_a_reload_in_mid_stream_catches_up_and_the_conversation_is_kept(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    desk = open_desk(scripted_lab)
    sidebar = desk.sidebar
    script.play(Turn(text="First answer."), Turn(text=" ".join(WORDS), delay=0.04, chunk=8))
    sidebar.ask("first question")
    run = sidebar.send("count slowly")
    expect(run).to_contain_text("w20 ")
    desk.page.reload()
    desk.page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    sidebar.open()
    expect(run).to_contain_text("w0 w1 w2")
    caught_up = len(words(run))
    expect(run).to_have_attribute("aria-busy", "true")
    expect(run).to_contain_text(f"w{caught_up + 20} ")
    sidebar.stop.click()
    sidebar.finished(run)
    said = words(run)
    assert len(said) > caught_up > 20
    assert said == WORDS[: len(said)]
    expect(sidebar.runs).to_have_count(2)

    kept = sidebar.text()
    again = desk.page.context.new_page()
    desk.page.close()
    again.goto(scripted_lab.address())
    again.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    reopened = type(sidebar)(again)
    reopened.open()
    expect(reopened.runs).to_have_count(2)
    again.wait_for_function("() => !document.querySelector('.codemad-markdown:empty')")
    assert reopened.text() == kept


def test_stop_stops_at_once_and_one_can_ask_again(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    sidebar = open_desk(scripted_lab).sidebar
    script.play(Turn(text="word " * 20_000, delay=0.05), Turn(text="Here again."))
    run = sidebar.send("talk for a long time")
    expect(run).to_contain_text("word word")
    sidebar.stop.click()
    sidebar.finished(run)
    expect(run).to_contain_text("Stopped")
    expect(run).to_contain_text("word word")
    assert script.wait_for(lambda server: server.asked[0].closed_at is not None)
    expect(sidebar.ask("and now?")).to_contain_text("Here again.")


def test_a_provider_fault_is_one_clear_sentence(
    scripted_lab: Lab, script: ModelServer, open_desk: Callable[..., Desk]
) -> None:
    sidebar = open_desk(scripted_lab).sidebar
    script.play(Turn(status=401, error="invalid_api_key", message="Incorrect API key provided"))
    run = sidebar.ask("hello")
    said = run.locator(".codemad-footer-text")
    expect(said).to_have_count(1)
    expect(said).to_contain_text("key")
    text = said.inner_text()
    assert "{" not in text
    assert "Traceback" not in text
    assert len(text) < 400
    script.play(Turn(text="Back."))
    expect(sidebar.ask("and now?")).to_contain_text("Back.")
