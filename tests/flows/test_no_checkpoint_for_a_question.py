"""A checkpoint waits for the first change: a question in a big folder pays nothing for it."""

from codemad_jupyter.protocol.commands import AcceptEdit
from tests.flows.conftest import MakeDesk
from tests.git.gitlab import git, repository

FILES = 20_000


async def test_a_question_among_20_000_files_takes_none(make_desk: MakeDesk) -> None:
    desk = await make_desk(kernel=True)
    for number in range(FILES):
        if number < 200:
            (desk.root / f"d{number}").mkdir()
        (desk.root / f"d{number % 200}" / f"f{number}.txt").write_text("x\n")
    repository(desk.root)
    before = git(desk.root, "for-each-ref")
    data = desk.root.parent / "data"

    asked = await desk.ask("what variables do I have?")
    proposed = await desk.ask("plot the mean radius by diagnosis")
    assert asked[-1].type == proposed[-1].type == "run_finished"
    assert "checkpoint_made" not in {event.type for event in (*asked, *proposed)}
    assert git(desk.root, "for-each-ref") == before
    assert not list(data.glob("**/checkpoints/*index*"))
    assert not list(data.glob("**/own.git"))

    edit = next(event.edit for event in proposed if event.type == "edit_proposed")
    accepted = await desk.do(AcceptEdit(session=desk.session, edit=edit.id, execute=False))
    made = [event for event in accepted if event.type == "checkpoint_made"]
    assert len(made) == 1
    assert made[0].files == FILES + 1
    assert len(git(desk.root, "for-each-ref", "refs/codemad").splitlines()) == 1
    assert list(data.glob("**/checkpoints/ref-index"))
