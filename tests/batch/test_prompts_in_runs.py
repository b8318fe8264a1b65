"""`%%codemad` cells in notebooks that `codemad run` executes: stock kernels, policies, failing prompts."""

from pathlib import Path

from tests.batch.test_notebook_runs import code, codemad, outputs, text_of, write


def test_prompts_work_in_the_stock_kernel_without_loading_anything(tmp_path: Path) -> None:
    write(tmp_path / "n.ipynb", code("x = 5", "a"), code("%%codemad\nwhat variables do I have", "b"))
    done = codemad("run", "n.ipynb", "-o", "out.ipynb", "--model", "codemad/offline", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "`x`" in text_of(outputs(tmp_path / "out.ipynb")[1][0])


def test_the_policies_of_a_run(tmp_path: Path) -> None:
    data = code("import pandas as pd\ndf = pd.DataFrame({'size': [1.0, 2.0, 4.0]})", "a")
    write(tmp_path / "n.ipynb", data, code("%%codemad\nprofile df", "b"))
    shown = {}
    for policy in ("propose", "auto", "off"):
        arguments = ("run", "n.ipynb", "-o", f"{policy}.ipynb", "--policy", policy)
        done = codemad(*arguments, "--model", "codemad/offline", cwd=tmp_path)
        assert (policy, done.returncode, done.stderr) == (policy, 0, "")
        shown[policy] = [text_of(output) for output in outputs(tmp_path / f"{policy}.ipynb")[1]]
    assert any("Proposed; nothing was changed." in text for text in shown["propose"])
    assert any("Applied." in text for text in shown["auto"])
    assert any("2.333333" in text for text in shown["auto"]), "the new cell ran in place"
    assert "switched off" in shown["off"][0]


def test_a_failing_prompt_fails_the_run(tmp_path: Path) -> None:
    write(tmp_path / "n.ipynb", code("%%codemad -m nowhere/x\nhello", "a"), code("print('never')", "b"))
    done = codemad("run", "n.ipynb", "-o", "out.ipynb", cwd=tmp_path)
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert outputs(tmp_path / "out.ipynb")[1] == []
