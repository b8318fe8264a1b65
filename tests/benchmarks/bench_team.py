"""What a team takes: three agents side by side or one after the other, a kernel in the sandbox, and disk.

Run ``python tests/benchmarks/bench_team.py [--rounds 3] [--thinking 2] [--json]`` on a quiet machine with
bubblewrap. The model is scripted and takes ``--thinking`` seconds for an answer, as one on the network does;
worktrees, kernels, pytest and the sandbox are real. Ends with 1 where side by side is not the quicker way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from codemad_jupyter.app.build import build_engine  # noqa: E402
from codemad_jupyter.config.settings import load_settings  # noqa: E402
from codemad_jupyter.orchestrator.agent_kernel import AgentKernel  # noqa: E402
from codemad_jupyter.orchestrator.bringing_in import worktrees_of  # noqa: E402
from codemad_jupyter.protocol.commands import Target  # noqa: E402
from tests.flows.conftest import Desk, DeskPorts  # noqa: E402
from tests.flows.test_team import BROKEN, LOOK, MADE, TESTS, me  # noqa: E402
from tests.git.gitlab import fill, repository  # noqa: E402
from tests.servers.model_server import ModelServer  # noqa: E402
from tests.servers.wire_formats import Call, Turn  # noqa: E402

FILES = 200
"""Modules of the repository beside the one that is mended."""


def play(server: ModelServer, thinking: float) -> None:
    """Three answers for each agent: change and look, run it in the kernel, report."""
    for name, made in MADE.items():
        change = Call("write_file", {"path": "stats.py", "content": made}, id="change")
        look = Call("run_command", {"command": LOOK}, id="look")
        code = Call("run_code", {"code": "import stats; stats.mean([1, 3])"}, id="code")
        for turn in (
            Turn(match=me(name), calls=(change, look), first_delay=thinking),
            Turn(match=me(name), calls=(code,), first_delay=thinking),
            Turn(match=me(name), text=f"{name} has mended it.", first_delay=thinking),
        ):
            server.play(turn)


async def one_team(folder: Path, server: ModelServer, *, at_once: int, thinking: float) -> dict[str, float]:
    """Let a team work on a fresh repository; what it took, in seconds and bytes."""
    root = folder / "work"
    modules = {f"pkg/m{at}.py": f"def f{at}(x):\n    return x + {at}\n" * 20 for at in range(FILES)}
    fill(root, {"stats.py": BROKEN, "test_stats.py": TESTS, **modules})
    repository(root)
    os.environ["CODEMAD_DATA_DIR"] = str(folder / "data")
    os.environ["CODEMAD_AGENTS_AT_ONCE"] = str(at_once)
    engine = await build_engine(
        root, ports=DeskPorts(root, None), settings=load_settings(root), attended=False
    )
    try:
        desk = Desk(engine, root)
        desk.session, desk.target = await engine.current_session(), Target()
        play(server, thinking)
        began = time.perf_counter()
        events = await desk.ask("/team make the failing tests pass", limit=600)
        took = time.perf_counter() - began
        assert events[-1].status == "done", events[-1]  # type: ignore[union-attr]
        trees = worktrees_of(engine.services)
        sizes = [(await trees.look(each)).bytes for each in await trees.every()]
        began = time.perf_counter()
        made = await trees.make("one-more")
        worktree = time.perf_counter() - began
        kernel = await kernel_start(trees.folder(made))
        return {"wall": took, "bytes": statistics.median(sizes), "worktree": worktree, "kernel": kernel}
    finally:
        await engine.close()


async def kernel_start(folder: Path) -> float:
    """Seconds until a kernel in the sandbox has run its first line."""
    kernel, began = AgentKernel(folder, name="python3"), time.perf_counter()
    try:
        assert (await kernel.execute("1 + 1")).ok
        return time.perf_counter() - began
    finally:
        await kernel.close()


def measure(rounds: int, thinking: float) -> dict[str, float]:
    """The median of each figure."""
    found: dict[str, list[float]] = {}
    with ModelServer() as server:
        os.environ["CODEMAD_COMPATIBLE_BASE_URL"] = server.openai_url
        os.environ["CODEMAD_MODEL"] = "compatible/scripted"
        for _ in range(rounds):
            for name, at_once in (("side by side", 3), ("one after the other", 1)):
                with tempfile.TemporaryDirectory(prefix="codemad-bench-") as folder:
                    os.environ["CODEMAD_CONFIG"] = f"{folder}/config.toml"
                    took = asyncio.run(one_team(Path(folder), server, at_once=at_once, thinking=thinking))
                found.setdefault(name, []).append(took.pop("wall"))
                for figure, value in took.items():
                    found.setdefault(figure, []).append(value)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> int:
    """Measure, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--thinking", type=float, default=2.0, help="seconds of the model for each answer")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    found = measure(given.rounds, given.thinking)
    if given.json:
        print(json.dumps(found))
    else:
        rows = {
            "three agents side by side": f"{found['side by side']:.1f} s",
            "three agents one after the other": f"{found['one after the other']:.1f} s",
            "a worktree is made in": f"{found['worktree'] * 1000:.0f} ms",
            "a kernel in the sandbox has run a line after": f"{found['kernel']:.2f} s",
            "disk of a worktree": f"{found['bytes'] / 1024:.0f} kB",
        }
        print(f"| three answers of {given.thinking:g} s each | median of {given.rounds} |\n| --- | --- |")
        print("\n".join(f"| {name} | {value} |" for name, value in rows.items()))
    return 0 if found["side by side"] < found["one after the other"] else 1


if __name__ == "__main__":
    sys.exit(main())
