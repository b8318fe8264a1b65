"""What operators ask a server: health, metrics, SQL; with the locks that all of it has."""

from __future__ import annotations

import json

from tests.server.serving import Served


async def test_health_metrics_and_sql_of_a_server_at_work(server: Served) -> None:
    for path in ("codemad/health", "codemad/dashboard"):
        assert (await server.fetch(path, headers={})).code in (302, 403)
    asleep = await server.fetch("codemad/health")
    assert (asleep.code, json.loads(asleep.body)["engine"]) == (200, "asleep")
    assert "codemad_engine_up 0.0" in (await server.fetch("metrics")).body.decode()

    session = await server.session()
    ack = await server.command(type="prompt", session=session, text="What is a very-secret-question?")
    assert (await server.finished(ack))["status"] == "done"

    awake = json.loads((await server.fetch("codemad/health")).body)
    assert (awake["ready"], awake["engine"], awake["store"], awake["faults"]) == (True, "ready", "file", [])
    assert json.loads((await server.fetch("codemad/health", live=1)).body)["live"] is True
    told = (await server.fetch("metrics")).body.decode()
    ours = [line for line in told.splitlines() if line.startswith("codemad_")]
    assert any(line.startswith('codemad_runs_total{edge="sidebar",status="done"}') for line in ours)
    assert any(line.startswith('codemad_first_token_seconds_count{provider="codemad"}') for line in ours)
    assert "codemad_engine_up 1.0" in ours
    assert "codemad_store_queue 0.0" in ours
    assert float(next(line for line in ours if line.startswith("codemad_store_bytes")).split()[1]) > 0
    assert not any(word in line for line in ours for word in (session, ack["run"], "secret-question"))

    for headers, door in ((server.token, "codemad"), (server.secret, "codemad/kernel")):
        asked = await server.fetch(f"{door}/sql", headers=headers, body={"sql": "SELECT status FROM runs"})
        assert json.loads(asked.body)["rows"] == [["done"]]
        shown = json.loads((await server.fetch(f"{door}/dashboard", headers=headers, days=7)).body)
        assert (len(shown["by_day"]), shown["total"]["runs"]) == (7, 1)
    refused = await server.fetch("codemad/sql", body={"sql": "DROP TABLE events"})
    assert (refused.code, "SELECT" in json.loads(refused.body)["error"]["message"]) == (400, True)
    assert (await server.fetch("codemad/sql", headers=server.secret, body={"sql": "SELECT 1"})).code == 403

    await server.host.engine()
    await server.host.present.services.store.close()  # type: ignore[union-attr]
    broken = await server.fetch("codemad/health")
    assert (broken.code, json.loads(broken.body)["ready"]) == (503, False)
