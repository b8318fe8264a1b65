"""Sessions over REST: tree, comparison and export, for people and for kernels; ids of a hostile caller."""

from __future__ import annotations

import json

import pytest

from tests.server.serving import Served

HOSTILE = ("../../etc/passwd", "%2e%2e%2f", "/etc/passwd", "a\x00b", "x" * 10_000, "' or 1=1 --", "\ud800")


async def test_a_session_is_shown_branched_and_exported(server: Served) -> None:
    session = await server.session()
    await server.finished(await server.command(type="prompt", session=session, text="/help"))
    await server.finished(await server.command(type="prompt", session=session, text="hello"))
    await server.command(type="make_branch", session=session, name="other")
    for headers, door in ((server.token, "codemad"), (server.secret, "codemad/kernel")):
        asked = await server.fetch(f"{door}/sessions/tree", headers=headers, session=session)
        tree = json.loads(asked.body)
        assert [branch["name"] for branch in tree["branches"]] == ["main", "other"]
        assert [turn["prompt"] for turn in tree["turns"]] == ["hello"]
        asked = await server.fetch(f"{door}/sessions/compare", headers=headers, session=session, right="main")
        assert json.loads(asked.body)["common"] == 2
        asked = await server.fetch(f"{door}/sessions/export", headers=headers, session=session, format="json")
        assert json.loads(json.loads(asked.body)["text"])["format"] == "codemad-session"
        asked = await server.fetch(f"{door}/sessions/all", headers=headers)
        assert session in {info["id"] for info in json.loads(asked.body)["sessions"]}


@pytest.mark.parametrize("route", ["sessions/tree", "sessions/compare", "sessions/export"])
async def test_hostile_ids_find_nothing(server: Served, route: str) -> None:
    session = await server.session()
    for name in HOSTILE:
        given = name.encode("utf-8", "surrogatepass")
        names = [{"session": given}]
        names += [{"session": session, "left": given}, {"session": session, "other": given}]
        names += [{"session": session, "format": given}, {"session": session, "level": given}]
        for query in names:
            response = await server.fetch(f"codemad/{route}", **query)
            used = {"sessions/tree": {"session"}, "sessions/compare": {"session", "left", "other"}}
            wanted = used.get(route, {"session", "format", "level"})
            refused = (400, 404, 414, 431)
            expected = (
                (200,) if not set(query) - {"session"} & wanted and session in query.values() else refused
            )
            assert response.code in expected, (name[:40], query.keys(), response.code)
            assert b"Traceback" not in response.body


@pytest.mark.parametrize("command", ["switch_branch", "fork_session", "merge_branch", "name_branch"])
async def test_commands_with_hostile_names_are_refused(server: Served, command: str) -> None:
    session = await server.session()
    before = json.loads((await server.fetch("codemad/sessions/all")).body)
    for name in HOSTILE[:-1]:
        more = (
            {"entry": name} if command == "fork_session" else {"branch": name, "name": "n", "entries": ["x"]}
        )
        body = {"type": command, "session": session, **more}
        response = await server.fetch("codemad/commands", body=body)
        assert response.code in (400, 404), (name[:40], response.code)
    assert json.loads((await server.fetch("codemad/sessions/all")).body) == before
