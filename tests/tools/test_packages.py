"""Installing packages: which names pass, what is asked, where it goes, and what is told after it."""

import sys
import venv
import zipfile
from pathlib import Path

import pytest

from codemad_jupyter.protocol.errors import Denied, ToolError
from codemad_jupyter.protocol.permissions import Mode, Rule
from codemad_jupyter.tools.permissions import Permissions
from codemad_jupyter.tools.project.packages import install_packages, settings
from tests.tools.using import User, bare_context, use

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is a sandbox on Linux alone")


def wheel(folder: Path, version: str) -> None:
    info = f"tinypack-{version}.dist-info"
    with zipfile.ZipFile(folder / f"tinypack-{version}-py3-none-any.whl", "w") as packed:
        packed.writestr("tinypack.py", f"VERSION = {version!r}\n")
        packed.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tinypack\nVersion: {version}\n")
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", "")


@LINUX
async def test_packages_go_to_the_environment_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / ".venv", with_pip=True)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "1.0")
    wheel(wheels, "2.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    user = User(bare_context(tmp_path))
    first = await user.call("install_packages", names=["tinypack==1.0"])
    assert '"tinypack": {"before": null, "after": "1.0"}' in first.content, first.content
    assert str(tmp_path / ".venv") in user.asked[0].action
    assert not user.asked[0].keepable
    second = await user.call("install_packages", names=["tinypack==2.0"])
    assert '"before": "1.0", "after": "2.0"' in second.content
    missing = await user.call("install_packages", names=["no-such-pack"])
    assert '"changed": {}' in missing.content
    assert '"exit": 1' in missing.content


@pytest.mark.parametrize("mode", ["ask", "auto_edit", "auto_sandboxed"])
async def test_a_person_is_asked_whatever_else_is_allowed(tmp_path: Path, mode: Mode) -> None:
    rules = (Rule(decide="allow"), Rule(decide="allow", tool="install_packages"))
    user = User(bare_context(tmp_path), given=Permissions(mode=mode, rules=rules), answer="rejected")
    assert (await user.call("install_packages", names=["pandas"])).is_error
    assert [each.axis for each in user.asked] == ["control"]


async def test_where_nobody_is_asked_nothing_is_installed(tmp_path: Path) -> None:
    batch = User(bare_context(tmp_path), given=Permissions(mode="batch", rules=(Rule(decide="allow"),)))
    assert (await batch.call("install_packages", names=["pandas"])).is_error
    rules = (Rule(decide="deny", command=("python", "-m", "pip")),)
    denied = User(bare_context(tmp_path), given=Permissions(rules=rules))
    assert (await denied.call("install_packages", names=["pandas"])).is_error
    assert batch.asked == denied.asked == []
    with pytest.raises(Denied):
        await use(install_packages, bare_context(tmp_path, asked=False), names=["pandas"])


@pytest.mark.parametrize(
    "name",
    [
        "--index-url=http://x",
        "-r",
        "git+https://x/y",
        "https://x/y.whl",
        "./local",
        "/tmp/x",
        "a b",
        "a;b",
        "a\nb",
        "",
        "a @ file:///x",
        "$(x)",
    ],
)
@pytest.mark.parametrize("manager", ["pip", "npm"])
async def test_what_is_no_name_is_refused(tmp_path: Path, name: str, manager: str) -> None:
    with pytest.raises(ToolError, match="no name of a package"):
        await use(install_packages, bare_context(tmp_path), names=[name], manager=manager)


@pytest.mark.parametrize("name", ["pandas", "pandas>=3,<4", "uvicorn[standard]==0.3.*", "ruff~=0.12"])
async def test_the_command_is_shown_whole(tmp_path: Path, name: str) -> None:
    user = User(bare_context(tmp_path), answer="rejected")
    await user.call("install_packages", names=[name], manager="pip")
    assert name in user.asked[0].action
    await user.call("install_packages", names=["@types/node@22"], manager="npm", dev=True)
    assert "npm install --ignore-scripts --save-dev @types/node@22" in user.asked[1].action


def test_settings_with_passwords_are_not_passed_on() -> None:
    given = {"PIP_INDEX_URL": "https://u:p@h/simple", "UV_INDEX_URL": "https://h/simple", "PIPE": "x"}
    assert settings(given) == {"UV_INDEX_URL": "https://h/simple"}
