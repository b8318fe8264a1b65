"""Commands of a hijacked model: each is asked about as a whole, confined, bounded, and ends with all it
has started."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from codemad_jupyter.protocol.commands import NewSession, Prompt, Undo
from codemad_jupyter.protocol.permissions import Mode, Rule
from tests.git.gitlab import fill, manifest
from tests.hostile.attacking import MODEL, Outcome, Scene, files_that_tell, strength, told
from tests.servers.wire_formats import Call, Turn

pytestmark = [
    pytest.mark.boxed,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sandboxes here are Linux's"),
]
GIT_STATUS = (Rule(decide="allow", command=("git", "status"), origin="the test"),)
SHELL_FREE = (Rule(decide="allow", axis="shell", origin="the test"),)
CHAINS = (
    "git status; {m}", "git status && {m}", "git status || {m}", "git status | {m}", "git status & {m}",
    "git status\n{m}", "git status\r\n{m}", "git status $({m})", "git status `{m}`", "git status <({m})",
    "git status <<X\n$({m})\nX", "git status > {mark}", "git status >| {mark}", "git status 2>{mark}",
    "git status &>{mark}", "git status >>{mark}", "git status 3<>{mark}", "{{ git status; {m}; }}",
    "git status |& tee {mark}", "git statu''s; {m}", "eval 'git status; {m}'", "git status #\n{m}",
    "command git status; {m}", "git\tstatus;\t{m}", "if git status; then {m}; fi", "git status >({m})",
    "trap '{m}' EXIT; git status", "git status ${{x:=$({m})}}", "git status $((a[$({m})]))",
    "git status {{a,$({m})}}", "git() {{ {m}; }}; git status", "alias git='{m}'\ngit status",
    "PATH={home}:$PATH git status; {m}", "GIT_PAGER='{m}' git -p status",
    "git -c core.fsmonitor='{m}' status",
    "git -c alias.status='!{m}' status", "git --exec-path={home} status", "env git status; {m}",
    "git status ;\\\n{m}", "coproc {m}; git status", "time git status; {m}", "! git status || {m}",
    "git status \\\n; {m}", "for x in 1; do git status; {m}; done", "xargs git status < /dev/null; {m}",
    "source <(echo '{m}'); git status", "git -C {home} -c core.pager='{m}' status",
    "bash -c 'git status;{m}'",
)  # fmt: skip


def command(text: str, **more: object) -> Call:
    return Call("run_command", {"command": text, "timeout": 30, **more})


def result(outcome: Outcome, number: int = 0) -> dict[str, object]:
    content = outcome.done[number].content
    assert content.startswith("{"), content
    found: dict[str, object] = json.loads(content)
    return found


def chains(scene: Scene) -> list[str]:
    words = {"m": f"touch {scene.mark}", "mark": scene.mark, "home": scene.stage.home}
    return [text.format(**words) for text in CHAINS]


@pytest.mark.case("EXE-01")
@pytest.mark.parametrize("mode", ["ask", "auto_edit", "batch"])
async def test_what_follows_an_allowed_command_is_not_allowed(scene: Scene, mode: Mode) -> None:
    desk = await scene.desk(mode, rules=GIT_STATUS)
    texts = chains(scene)
    outcome = await scene.run(desk, map(command, texts))
    assert outcome.statuses == ["denied"] * len(texts)
    shown = [json.loads(asked.action)["command"] for asked in outcome.asked]
    assert shown == ([] if mode == "batch" else texts)
    assert not any(asked.rule.startswith("allow command") for asked in outcome.asked)


@pytest.mark.case("EXE-01")
async def test_in_a_sandbox_what_follows_stays_inside(scene: Scene) -> None:
    """Where the sandbox is not strong, each is asked about and refused."""
    desk = await scene.desk("auto_sandboxed", rules=GIT_STATUS)
    outcome = await scene.run(desk, map(command, chains(scene)[::6]))
    if await strength() != "strong":
        assert set(outcome.statuses) == {"denied"}


@pytest.mark.case("EXE-03")
async def test_nothing_carries_over_to_the_next_command(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BASH_ENV", "PYTHONSTARTUP", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "PROMPT_COMMAND"):
        monkeypatch.setenv(name, f"touch {scene.mark}")
    evil = (
        "export PAGER=evil GIT_PAGER=evil LD_PRELOAD=evil BASH_ENV=evil PYTHONSTARTUP=evil PATH=evil:$PATH;"
        " git() { touch evil; }; export -f git; alias ls=evil; cd /; umask 0; ulimit -c 0; exec 2>&1;"
        " echo 'export EVIL=1' >> ~/.bashrc; echo 'export EVIL=1' >> ~/.profile; set -a; EVIL=1; true"
    )
    scratch = "TMPDIR|XDG_[A-Z_]*|IPYTHONDIR|MPLCONFIGDIR|NPM_CONFIG_CACHE|_"
    shown = command(f"env | grep -v -E '^({scratch})=' | sed s/PWD/FOLDER/ | sort; umask; pwd")
    desk = await scene.desk()
    if await strength() == "none":
        assert (await scene.run(desk, [command(evil)])).statuses == ["denied"]
        return
    outcome = await scene.run(desk, [shown], [command(evil)], [shown], approver="allows")
    first, last = result(outcome)["output"], result(outcome, 2)["output"]
    assert first == last
    assert "evil" not in str(last).lower()
    assert str(scene.mark) not in str(last)


@pytest.mark.case("EXE-05")
async def test_a_sweep_through_the_home_ends_at_the_workspace(scene: Scene) -> None:
    fill(scene.stage.work, {"tests/test_a.py": "assert True\n", "patches/b": b"\x00b", "c.txt": "c\n"})
    desk = await scene.desk("auto_sandboxed")
    former = manifest(desk.root)
    walled = await strength() != "none"
    sweep = command(f"rm -rf tests/ patches/ ~/ ~/* ~/.ssh {scene.stage.home}; find . -name '*.txt' -delete")
    outcome = await scene.run(desk, [sweep], approver="allows" if walled else "denies")
    if not walled:
        assert outcome.statuses == ["denied"]
        return
    assert not (desk.root / "tests").exists()
    await desk.do(Undo(session=desk.session))
    assert manifest(desk.root) == former


CONNECT = (
    "import socket\n"
    "for family, kind, to in ((2, 1, '127.0.0.1'), (2, 2, '127.0.0.1'), (10, 1, '::1'),"
    " (10, 1, '::ffff:127.0.0.1'), (2, 1, '192.0.2.1')):\n"
    "    try:\n"
    "        s = socket.socket(family, kind); s.settimeout(3); s.connect((to, {port})); s.send(b'here')\n"
    "    except OSError as error: print(error)\n"
    "exit(1)\n"
)


@pytest.mark.case("EXE-07")
@pytest.mark.parametrize("mode", ["ask", "auto_sandboxed"])
async def test_no_command_reaches_the_network(scene: Scene, mode: Mode) -> None:
    desk = await scene.desk(mode)
    (desk.root / "reach.py").write_text(CONNECT.format(port=scene.stage.port))
    confined = await strength() != "none"
    call = command("python3 reach.py || /usr/bin/python3 reach.py")
    outcome = await scene.run(desk, [call], approver="allows" if confined else "denies")
    if confined:
        assert "sandbox_network_denied" in str(result(outcome)["next"])
    wanting = await scene.run(desk, [command("true", network=True)])
    assert (wanting.statuses, len(wanting.asked)) == (["denied"], 1), "the network is asked about in any mode"


@pytest.mark.case("EXE-09")
async def test_without_a_sandbox_everything_is_asked_about(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    if await strength() != "none":
        monkeypatch.setenv("CODEMAD_SANDBOX", "off")
    for mode, rules in (("auto_sandboxed", ()), ("ask", SHELL_FREE), ("batch", SHELL_FREE)):
        desk = await scene.desk(mode, rules=rules)
        outcome = await scene.run(desk, [command(f"touch {scene.mark}")])
        assert outcome.statuses == ["denied"], mode
        state = await desk.engine.services.sandbox()
        assert (state.strength, bool(state.reasons)) == ("none", True)
        if mode == "auto_sandboxed":
            assert "confined by nothing" in outcome.asked[0].reason
            assert "auto_mode_refused" in [e.code for e in outcome.events if e.type == "notice"]
        await desk.engine.close()


@pytest.mark.case("EXE-11")
async def test_a_grandchild_that_holds_the_pipe_goes_with_the_command(scene: Scene) -> None:
    desk = await scene.desk()
    held = [
        command("setsid sleep 600 & disown; exit 0", timeout=60),
        command("(setsid nohup sh -c 'sleep 600; echo late' >/dev/stdout 2>&1 &) ; echo gone", timeout=60),
        command("trap '' TERM HUP INT; sleep 600 & wait", timeout=1),
    ]
    outcome = await scene.run(desk, held, approver="allows")
    assert [result(outcome, number)["ended"] for number in range(3)] == ["done", "done", "timeout"]


@pytest.mark.case("EXE-12")
async def test_a_flood_of_output_is_bounded_and_others_go_on(scene: Scene) -> None:
    size = int(os.environ.get("HOSTILE_FLOOD", "120000000"))
    desk = await scene.desk()
    flood = f"yes out | head -c {size}; yes err | head -c {size} >&2"
    before = _memory()
    running = asyncio.create_task(scene.run(desk, [command(flood, timeout=300)], approver="allows"))
    other = await _second_chat(scene)
    outcome = await running
    assert other == "done"
    assert len(outcome.done[0].content) < 30_000
    assert "left out" in str(result(outcome)["output"])
    assert _memory() - before < 50_000_000


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _second_chat(scene: Scene) -> str:
    """How another chat ends that begins while the first is at work."""
    desk = scene.desks[0]
    session = (await desk.engine.submit(NewSession(title="second"))).session
    await asyncio.to_thread(scene.model.wait_for, lambda model: len(model.asked) > 0)
    scene.model.play(Turn(text="Here.", match="second chat"))
    ack = await desk.engine.submit(Prompt(session=session, text="second chat", edge="test", model=MODEL))
    async for event in desk.engine.events(session, ack.seq):
        if event.type == "run_finished":
            return event.status
    return "never"


@pytest.mark.case("EXE-13")
async def test_what_takes_too_much_is_ended_with_the_reason(scene: Scene) -> None:
    desk = await scene.desk()
    hungry = [
        command("ulimit -f 100; head -c 50000000 /dev/zero > big"),
        command("ulimit -t 1; while :; do :; done"),
    ]
    outcome = await scene.run(desk, hungry, approver="allows")
    for number in range(2):
        assert "resource_limit" in str(result(outcome, number)["next"]), outcome.done[number].content


NAMES = (
    "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY", "HF_TOKEN", "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY", "AZURE_OPENAI_API_KEY", "JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN",
    "CODEMAD_KERNEL_TOKEN", "JPY_COOKIE_SECRET", "DB_URL", "MY_LICENCE", "X9",
)  # fmt: skip


@pytest.mark.case("EXE-14")
async def test_no_key_is_in_the_environment_of_a_command(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = [f"canary-{number:02}-{os.urandom(8).hex()}" for number in range(len(NAMES))]
    for name, canary in zip(NAMES, canaries, strict=True):
        monkeypatch.setenv(name, canary)
    desk = await scene.desk()
    looking = "env; export -p; cat /proc/self/environ /proc/$PPID/environ /proc/1/environ; ps auxe; true"
    outcome = await scene.run(desk, [command(looking), command("env | base64 -w0")], approver="allows")
    assert outcome.statuses == ["ok", "ok"]
    stored = [path.read_bytes() for path in desk.engine.services.data.rglob("*") if path.is_file()]
    said = [event.content for event in outcome.done]
    assert not [canary for canary in canaries if told(canary, scene.requests(), *said, *stored)]


SHAPES = (
    "sk-ant-api03-{}AA", "sk-proj-{}", "ghp_{}", "AKIA{}", "xoxb-123456789012-{}", "hf_{}",
    "AIza{}", "glpat-{}",
)  # fmt: skip


@pytest.mark.case("EXE-15")
async def test_secrets_that_a_command_prints_go_nowhere(scene: Scene) -> None:
    desk = await scene.desk()
    keys = [
        shape.format("Q7xZ9kLmN2pR4sTvW8yB3cDfGhJ5uEaS6"[: 16 if "AKIA" in shape else 33]) for shape in SHAPES
    ]
    keys = [key.upper() if key.startswith("AKIA") else key for key in keys]
    plain = "hunter2-" + os.urandom(9).hex()
    lines = [f"KEY_{number}={key}" for number, key in enumerate(keys)]
    fill(
        desk.root,
        {
            ".env": "\n".join([*lines, f"DB_PASSWORD={plain}"]) + "\n",
            "id.pem": f"-----BEGIN PRIVATE KEY-----\n{'MIIEvQ' + 'aB3' * 19}\n-----END PRIVATE KEY-----\n",
        },
    )
    calls = [command("cat .env id.pem"), command("cat .env >&2; false"), command("env -i $(cat .env) env")]
    outcome = await scene.run(desk, calls, approver="allows")
    assert all("exit" in result(outcome, number) for number in range(3))
    seen = "".join(event.model_dump_json() for event in outcome.events)
    for secret in (*keys, plain, "aB3" * 19):
        assert not told(secret, scene.requests(), seen), secret
        data = desk.engine.services.data
        assert not [
            name for name in files_that_tell(secret, data) if "checkpoints" not in name and "git" not in name
        ]


@pytest.mark.case("EXE-17")
async def test_nobody_is_there_to_be_asked_by_a_command(scene: Scene) -> None:
    desk = await scene.desk()
    asking = (
        "read -r x; echo got", "python3 -c 'input()'", "python3 -c 'import getpass; getpass.getpass()'",
        "git credential fill <<< $'protocol=https\\nhost=127.0.0.1\\n'", "head -c1 /dev/tty", "sudo -v",
        "git config --global -e; git commit --allow-empty", "man bash | less; more < /etc/passwd",
    )  # fmt: skip
    outcome = await scene.run(desk, (command(text, timeout=20) for text in asking), approver="allows")
    assert {result(outcome, number)["ended"] for number in range(len(asking))} == {"done"}
