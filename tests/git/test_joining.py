"""What several agents made of one file, by lines, beside what the person did."""

import itertools
import random

from codemad_jupyter.git.merge import Work, join

BASE = b"one\ntwo\nthree\nfour\nfive\nsix\nseven\n"


def changed(*pairs: tuple[bytes, bytes]) -> bytes:
    made = BASE
    for old, new in pairs:
        made = made.replace(old, new)
    return made


def test_work_in_different_lines_comes_together() -> None:
    now = changed((b"four", b"4"))
    works = [Work("a", BASE, changed((b"one", b"1"))), Work("b", BASE, changed((b"seven", b"7")))]
    made = join("f", now, works)
    assert made == (b"1\ntwo\nthree\n4\nfive\nsix\n7\n", ("a", "b"), ())
    assert join("f", now, works[::-1]).content == made.content


def test_of_a_clash_the_rest_still_comes() -> None:
    works = [
        Work("a", BASE, changed((b"one", b"1"))),
        Work("b", BASE, changed((b"one", b"uno"), (b"seven", b"7"))),
    ]
    made = join("f", BASE, works)
    assert made.content == changed((b"one", b"1"), (b"seven", b"7"))
    assert made.agents == ("a", "b")
    [clash] = made.clashes
    assert (clash.agent, clash.others, clash.reason) == ("b", ("a",), "a has changed the same lines: 1")


def test_the_persons_own_lines_stay() -> None:
    now = changed((b"one", b"mine"))
    made = join("f", now, [Work("a", BASE, changed((b"one", b"1"), (b"six", b"6")))])
    assert made.content == changed((b"one", b"mine"), (b"six", b"6"))
    [clash] = made.clashes
    assert (clash.others, clash.reason) == ((), "you have changed the same lines: 1")


def test_files_that_come_and_go() -> None:
    assert join("f", None, [Work("a", None, b"new")]) == (b"new", ("a",), ())
    assert join("f", b"new", [Work("a", None, b"new")]) == (b"new", ("a",), ())
    assert join("f", BASE, [Work("a", BASE, None)]) == (None, ("a",), ())
    cases = [
        (b"mine", Work("a", None, b"new"), b"mine", "you have made another file of this name"),
        (None, Work("a", BASE, b"new"), None, "you have deleted the file"),
        (b"mine", Work("a", BASE, None), b"mine", "you have changed the file, which it deletes"),
        (b"\0m", Work("a", b"\0b", b"\0t"), b"\0m", "you have changed the file, and it is no text"),
    ]
    for now, work, content, said in cases:
        made = join("f", now, [work])
        assert (made.content, made.agents) == (content, ())
        assert made.clashes[0].reason.startswith(said)


def test_no_line_of_anybody_is_lost_without_a_word() -> None:
    """Agents each change some lines at random: every change is in the result, or a clash names its agent."""
    dice = random.Random(5)
    lines = BASE.splitlines(keepends=True)
    for _ in range(300):
        marks: dict[str, list[bytes]] = {}
        works = []
        for agent in "abc":
            mine = {at: f"{agent}{at}\n".encode() for at in range(len(lines)) if dice.random() < 0.25}
            marks[agent] = list(mine.values())
            works.append(Work(agent, BASE, b"".join(mine.get(at, line) for at, line in enumerate(lines))))
        now = b"".join(b"me\n" if dice.random() < 0.1 else line for line in lines)
        made = join("f", now, works)
        clashing = {clash.agent for clash in made.clashes}
        content = made.content or b""
        assert content.count(b"me\n") == now.count(b"me\n")
        for agent, mark in itertools.chain(marks.items()):
            assert agent in clashing or all(each in content for each in mark)
