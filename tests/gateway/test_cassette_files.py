"""The file of a cassette: what is lost when things go wrong, who may write, and how fast it is."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import threading
import time
from pathlib import Path

import pytest

from codemad_jupyter.gateway.cassette import Cassette
from codemad_jupyter.gateway.drift import differences, nearest
from codemad_jupyter.gateway.normal import Sketch, normalised, sketch
from codemad_jupyter.gateway.provider import Request
from codemad_jupyter.protocol.errors import CodemadError, NotFound, UsageError
from codemad_jupyter.protocol.messages import Message

ANSWER = [{"type": "text", "pieces": ["yes"]}]


def asked(text: str, model: str = "a/b") -> Sketch:
    request = Request(model=model, system="Be brief.", messages=(Message.user(text),))
    return sketch(normalised(request)[0])


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "n.cassette.jsonl"


def filled(path: Path, *texts: str) -> Cassette:
    cassette = Cassette(path)
    for text in texts:
        cassette.append(asked(text), ANSWER, default="a/b")
    return cassette


def found(path: Path, text: str) -> int:
    cassette = Cassette(path)
    return sum(cassette.read(place) is not None for place in cassette.found(asked(text).key))


def test_one_line_a_call_and_each_text_once(path: Path) -> None:
    filled(path, "one", "two", "two")
    header, *calls = map(json.loads, lines(path))
    assert header == {"cassette": 1, "default": "a/b"}
    assert [len(call["values"]) for call in calls] == [2, 1, 0]
    assert path.read_text().count("Be brief.") == 1
    assert (found(path, "one"), found(path, "two"), found(path, "three")) == (1, 2, 0)
    cassette = Cassette(path)
    assert (cassette.models, cassette.default, len(cassette)) == (("a/b",), "a/b", 3)
    assert path.stat().st_mode & 0o111 == 0


def test_a_new_recording_replaces_the_answers_of_the_old_one(path: Path) -> None:
    filled(path, "one", "one", "two")
    filled(path, "one")
    cassette = Cassette(path)
    assert [place.take for place in cassette.found(asked("one").key)] == [2]
    assert [place.take for place in cassette.found(asked("two").key)] == [1]


def test_cut_at_every_byte_it_loses_the_last_call_alone(path: Path, tmp_path: Path) -> None:
    filled(path, "one", "two")
    whole, last = path.read_bytes(), lines(path)[-1]
    for end in range(len(whole) - len(last), len(whole)):
        copy = tmp_path / f"{end}.jsonl"
        copy.write_bytes(whole[:end])
        assert (found(copy, "one"), found(copy, "two")) == (1, 0)
    copy.write_bytes(whole[:-10])
    filled(copy, "three")
    assert (found(copy, "one"), found(copy, "two"), found(copy, "three")) == (1, 0, 1)
    assert len(lines(copy)) == 4


def test_damage_is_counted_and_costs_the_line_it_is_in(path: Path) -> None:
    cassette = filled(path, *map(str, range(30)))
    generator = random.Random(7)
    for _ in range(60):
        data = bytearray(path.read_bytes())
        data[generator.randrange(len(data))] = generator.choice(b'\x00\xff"{}9a\n')
        damaged = path.with_name("damaged.jsonl")
        damaged.write_bytes(data)
        broken = Cassette(damaged)
        good = sum(1 for _ in broken.records())
        assert good >= 28
        assert good == 30 or broken.damaged
    assert len(cassette) == 30


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"hello\n", b"\x00" * 100, b"[1]\n", b'{"cassette": "x"}\n', b"[" * 100_000 + b"\n"],
)
def test_what_is_no_cassette_holds_nothing(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    cassette = Cassette(path)
    assert (len(cassette), cassette.models, cassette.default) == (0, (), None)


def test_marks_of_a_git_conflict_are_passed_over(path: Path) -> None:
    filled(path, "one", "two")
    head, one, two = lines(path)
    path.write_bytes(b"".join([head, b"<<<<<<< ours\n", one, b"=======\n", two, b">>>>>>> theirs\n"]))
    assert (found(path, "one"), found(path, "two")) == (1, 1)


def test_what_cannot_be_used_says_why(path: Path, tmp_path: Path) -> None:
    path.write_text('{"cassette": 2, "default": "a/b"}\n')
    with pytest.raises(UsageError, match=r"newer CodeMAD \(format 2\)"):
        len(Cassette(path))
    with pytest.raises(UsageError, match="newer"):
        Cassette(path).append(asked("one"), ANSWER)
    assert path.read_text() == '{"cassette": 2, "default": "a/b"}\n'
    with pytest.raises(NotFound, match="no cassette"):
        len(Cassette(tmp_path / "none.jsonl"))
    with pytest.raises(CodemadError, match="cannot be written"):
        Cassette(tmp_path / "no" / "where.jsonl").append(asked("one"), ANSWER)
    notes = tmp_path / "notes.jsonl"
    notes.write_text("my notes\n")
    (tmp_path / "link.jsonl").symlink_to(notes)
    for name in ("notes.jsonl", "link.jsonl"):
        with pytest.raises(CodemadError):
            Cassette(tmp_path / name).append(asked("one"), ANSWER)
    assert notes.read_text() == "my notes\n"
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(UsageError, match="no file"):
        len(Cassette(tmp_path / "pipe.jsonl"))


def test_half_a_character_is_kept(path: Path) -> None:
    answer = [{"type": "text", "pieces": ["\ud800 ⟦cell 1⟧"]}]
    cassette = Cassette(path)
    cassette.append(asked("odd \udfff"), answer)
    place = cassette.found(asked("odd \udfff").key)[0]
    recorded = cassette.read(place)
    assert recorded is not None
    assert recorded.answer == answer


def write_many(path: Path, name: str, count: int) -> None:
    cassette = Cassette(path)
    for number in range(count):
        cassette.append(asked(f"{name} {number} {'x' * 5_000}"), ANSWER, default="a/b")


def test_two_processes_write_to_one_file(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, name, 40)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    cassette = Cassette(path)
    assert len(list(cassette.records())) == 80
    assert cassette.damaged == []
    assert sum(b'"cassette"' in line for line in lines(path)) == 1


def test_threads_share_a_cassette_and_others_see_what_is_added(path: Path) -> None:
    reader = filled(path, "first")
    assert len(reader) == 1
    writer = Cassette(path)
    threads = [
        threading.Thread(target=lambda n=n: [writer.append(asked(f"{n} {i}"), ANSWER) for i in range(20)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(reader) == 81
    assert reader.damaged == []
    path.write_bytes(b"".join(lines(path)[:2]))
    assert len(reader) == 1


def test_ten_thousand_calls_are_found_at_once(path: Path) -> None:
    write_many(path, "call", 1)
    header, call = lines(path)
    first = asked(f"call 0 {'x' * 5_000}").key.encode()
    keys = [f"{number:032x}".encode() for number in range(10_000)]
    path.write_bytes(header + b"".join(call.replace(first, key, 1) for key in keys) + call)
    cassette = Cassette(path)
    assert len(cassette) == 10_001
    took = []
    for _ in range(100):
        began = time.process_time()
        place = cassette.found(first.decode())[0]
        assert cassette.read(place) is not None
        took.append(time.process_time() - began)
    assert min(took) < 0.005


def test_the_nearest_call_is_the_one_with_the_longest_common_history(path: Path) -> None:
    def talk(*texts: str, model: str = "a/b") -> Sketch:
        messages = tuple(map(Message.user, texts))
        return sketch(normalised(Request(model=model, system="s", messages=messages))[0])

    cassette = Cassette(path)
    for one in (talk("a"), talk("a", "b"), talk("a", "b", "c"), talk("x", "b", "c", model="q/r")):
        cassette.append(one, ANSWER)
    (record,) = nearest(talk("a", "b", "d"), cassette.records())
    assert record.line == 4
    values = {name: value for each in cassette.records() for name, value in each.sketch.values.items()}
    said = differences(talk("a", "b", "d"), record.sketch, values)
    assert said == "message 3 of 3 (user): recorded “c”, asked “d”"
    assert "its recorded text cannot be read" in differences(talk("a", "b", "d"), record.sketch, {})
