#!/usr/bin/env python3
"""One script for whoever works on CodeMAD Jupyter. It needs Python 3.11 and nothing else.

    python3 dev.py lab      install what is missing, then open JupyterLab on the demo notebook
    python3 dev.py test     install what is missing, then run every check that CI runs
    python3 dev.py docs     install what is missing, then build the documentation
    python3 dev.py setup    only install what is missing

Further arguments go to the program behind the command: `dev.py lab --port 9999 --no-browser`
reaches JupyterLab, `dev.py test -k magics` runs pytest alone with `-k magics`.
Everything lands in .venv, node_modules and demo-work; a second run installs only what has changed. It is one
file, long as it is: it runs before anything of ours can be imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "dev-stamps.json"
BUILT = ROOT / "codemad_jupyter" / "labextension"
DEMO = ROOT / "demo-work"
PAGES = ROOT / "docs" / "_build" / "html"
APART = {
    "collaboration": [
        *("jupyter-collaboration", "jupyter-collaboration-ui", "jupyter-docprovider", "jupyter-server-ydoc"),
        *("jupyter-ydoc", "jupyter-server-fileid", "pycrdt", "pycrdt-store", "pycrdt-websocket"),
        "sqlite-anyio",
    ],
    "merging": ["nbdime", "colorama", "GitPython", "gitdb", "smmap"],
}
"""Packages that bring extensions of their own to every server: beside the environment, in folders of it
that only the tests which need them switch on."""
EXTRAS = ("test", "docs", "demo", "litellm", "embeddings", "bedrock")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSERS = ("Google Chrome.app/Contents/MacOS/Google Chrome", "Chromium.app/Contents/MacOS/Chromium")

# A warning fails, a link to nowhere is one, and all of them are told.
BUILD_DOCS = ["sphinx-build", "-W", "-n", "--keep-going", "-q", "docs", str(PAGES)]
# One worker for each processor; a file stays in one, for its tests share kernels and servers.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
PYTHON_CHECKS = [
    ("ruff", ["ruff", "check", "."]),
    ("ruff format", ["ruff", "format", "--check", "."]),
    ("mypy", ["mypy"]),
    ("import contracts", ["lint-imports", "--no-logo", "--no-cache"]),
    ("codespell", ["codespell"]),
    ("reference is up to date", ["python", "docs/make_reference.py", "--check"]),
    ("documentation", BUILD_DOCS),
    ("protocol.ts is up to date", ["python", "-m", "codemad_jupyter.protocol.schema", "--check"]),
]
FRONT_END_CHECKS = [
    ("eslint", ["npm", "run", "--silent", "eslint"]),
    ("prettier", ["npm", "run", "--silent", "prettier"]),
    ("stylelint", ["npm", "run", "--silent", "stylelint"]),
    ("tsc", ["npm", "run", "--silent", "typecheck"]),
    ("vitest", ["npm", "run", "--silent", "test"]),
]
TESTS = ("pytest", ["python", "-m", "pytest", "-n", "logical", "--maxprocesses=4", *BY_FILE])


def main() -> int:
    command, arguments = (sys.argv[1:2] or ["help"])[0], sys.argv[2:]
    if command == "chromium":  # for the browser tests: where it is, or an empty line
        print(find_chromium() or "")
        return 0
    if command not in ("lab", "test", "docs", "setup"):
        print(__doc__)
        return 0 if command in ("help", "-h", "--help") else 2
    use_a_new_enough_python()
    os.chdir(ROOT)
    setup()
    if command == "lab":
        return lab(arguments)
    if command == "docs":
        return docs(arguments)
    return test(arguments) if command == "test" else 0


# ---- the environment -------------------------------------------------------------------------


def use_a_new_enough_python() -> None:
    """Start again under a newer Python when this one is too old."""
    if sys.version_info >= (3, 11):
        return
    for minor in range(14, 10, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])  # noqa: S606
    version = ".".join(map(str, sys.version_info[:2]))
    sys.exit(
        f"CodeMAD Jupyter needs Python 3.11 or newer; this is Python {version}, and PATH has no newer one."
    )


def setup() -> None:
    """Install whatever is missing or has changed since the last time."""
    make_venv()
    front_end = ["package.json", "package-lock.json", ".npmrc"]
    package = ["pyproject.toml", "package.json", "install.json", "jupyter-config", "kernels"]
    sources = [f"labextension/{part}" for part in ("src", "style", "schema", "tsconfig.json")]
    once("Python packages", install_python_packages, ["pyproject.toml", "constraints.txt"], PYTHON)
    once("npm packages", install_npm_packages, front_end, ROOT / "node_modules" / ".package-lock.json")
    once("JupyterLab extension", build_labextension, front_end + sources, BUILT / "static" / "style.js")
    once("CodeMAD itself", install_package, package, labextension_link())


def once(title: str, install: Callable[[], None], inputs: list[str], result: Path) -> None:
    """Call `install` unless its result is there and was made from the same inputs, in this folder."""
    stamps = json.loads(STAMPS.read_text()) if STAMPS.exists() else {}
    stamp = fingerprint(inputs)
    if stamps.get(title) == stamp and result.exists():
        return
    print(f"* {title} (the first time this can take some minutes)", flush=True)
    install()
    STAMPS.write_text(json.dumps({**stamps, title: stamp}, indent=1))


def fingerprint(inputs: list[str]) -> str:
    digest = hashlib.sha256(str(ROOT).encode())
    for top in inputs:
        path = ROOT / top
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def make_venv() -> None:
    probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", probe], stderr=subprocess.DEVNULL).returncode == 0:
        return
    print(f"* Environment in {VENV.name} with Python {sys.version.split()[0]}", flush=True)
    if importlib.util.find_spec("ensurepip"):
        return run([sys.executable, "-m", "venv", "--clear", VENV])
    if shutil.which("uv"):
        return run(["uv", "venv", "--quiet", "--clear", "--seed", "--python", sys.executable, VENV])
    package = f"python3.{sys.version_info.minor}-venv"
    if not apt_install(package):
        sys.exit(f"This Python cannot make environments. On Debian or Ubuntu: sudo apt install {package}")
    run([sys.executable, "-m", "venv", "--clear", VENV])


def install_python_packages() -> None:
    import tomllib  # new in Python 3.11, and an older one reads this file as well

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = declared["build-system"]["requires"] + declared["project"]["dependencies"]
    for extra in EXTRAS:
        wanted += declared["project"]["optional-dependencies"][extra]
    run([PYTHON, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", *wanted])


def install_npm_packages() -> None:
    run(["npm", "ci", "--no-progress", "--loglevel=error"])


def build_labextension() -> None:
    run(["npm", "run", "--silent", "build"])


def install_package() -> None:
    """Install the package editable, with its JupyterLab extension linked rather than copied."""
    link = labextension_link()
    if link.is_symlink():  # pip would write through the link into the built files
        link.unlink()
    install = [PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "-e", "."]
    run(install, SKIP_JUPYTER_BUILDER="1")
    shutil.rmtree(link, ignore_errors=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(BUILT)


def labextension_link() -> Path:
    return VENV / "share" / "jupyter" / "labextensions" / "codemad-jupyter"


# ---- the commands ----------------------------------------------------------------------------


def lab(arguments: list[str]) -> int:
    """Open JupyterLab on a copy of the demo notebooks; a copy that is there is kept as it is."""
    for source in (ROOT / "binder" / "demo").rglob("*"):
        target = DEMO / source.relative_to(ROOT / "binder" / "demo")
        if source.is_file() and not target.exists() and ".ipynb_checkpoints" not in source.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    # Its question about news would cover the sidebar's message box at the first start.
    overrides = VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    if not overrides.exists():
        overrides.parent.mkdir(parents=True, exist_ok=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        overrides.write_text(json.dumps({"@jupyterlab/apputils-extension:notification": quiet}))
    root = ["--allow-root"] if os.geteuid() == 0 else []
    options = [f"--ServerApp.root_dir={DEMO}", "--LabApp.default_url=/lab/tree/tour.ipynb"]
    command = [str(PYTHON), "-m", "jupyterlab", *options, *root, *arguments]
    os.execve(PYTHON, command, environment())  # noqa: S606


def docs(arguments: list[str]) -> int:
    """Build the pages; options of sphinx-build are passed on."""
    built = subprocess.run([*BUILD_DOCS, *arguments], env=environment()).returncode
    if built == 0:
        print(f"Open {(PAGES / 'index.html').relative_to(ROOT)}")
    return built


def install_apart() -> None:
    for name, packages in APART.items():
        shutil.rmtree(VENV / name, ignore_errors=True)
        target = ["--no-deps", "--target", VENV / name, "-c", "constraints.txt"]
        run([PYTHON, "-m", "pip", "install", "--quiet", *target, *packages])


def test(arguments: list[str]) -> int:
    once("Packages for some tests", install_apart, ["constraints.txt", "dev.py"], VENV / "merging")
    chromium = find_chromium() or fetch_chromium()
    if chromium:
        os.environ["CODEMAD_CHROMIUM"] = chromium
    if arguments:
        return subprocess.run([PYTHON, "-m", "pytest", *arguments], env=environment()).returncode
    with ThreadPoolExecutor() as both:  # the two halves wait for different programs
        halves = both.map(
            lambda checks: [attempt(*each) for each in checks], (PYTHON_CHECKS, FRONT_END_CHECKS)
        )
        summary: list[tuple[str, bool | None, float]] = [each for half in halves for each in half]
    passed = all(passed for _, passed, _ in summary)
    summary.append(attempt(*TESTS, show=True) if passed else (TESTS[0], None, 0.0))
    print()
    for title, passed, seconds in summary:
        word = {True: "ok", False: "FAILED", None: "not run"}[passed]
        print(f"{word:8} {seconds:7.1f} s  {title}")
    return 0 if all(passed for _, passed, _ in summary) else 1


def attempt(title: str, command: list[str], *, show: bool = False) -> tuple[str, bool | None, float]:
    """Run one check; what it says is printed as it comes where it is to be shown, else at its end."""
    head = f"\n== {title}: {' '.join(command)}\n"
    start = time.monotonic()
    if show:
        print(head, end="", flush=True)
        done = subprocess.run(command, env=environment())
    else:
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, env=environment(), text=True, **both)
        print(head + done.stdout, end="", flush=True)
    return title, done.returncode == 0, time.monotonic() - start


def find_chromium() -> str | None:
    """The browser named in CODEMAD_CHROMIUM, one on PATH, one of macOS, or Playwright's own."""
    named = os.environ.get("CODEMAD_CHROMIUM")
    found = [named] if named else [shutil.which(name) for name in BROWSERS]
    found += [str(Path("/Applications") / name) for name in MAC_BROWSERS]
    for path in found:
        if path and Path(path).exists():
            return path
    ask = "from playwright.sync_api import sync_playwright as play\n"
    ask += "with play() as own: print(own.chromium.executable_path)"
    answer = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True) if PYTHON.exists() else None
    own = answer.stdout.strip() if answer else ""
    return own if own and Path(own).exists() else None


def fetch_chromium() -> str | None:
    print("* Chromium for the browser tests", flush=True)
    try:
        download = [str(PYTHON), "-m", "playwright", "install", "chromium"]
        subprocess.run(download, env=environment(), check=True, timeout=600)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        apt_install("chromium", "fonts-liberation", "fonts-dejavu-core")
    found = find_chromium()
    if not found:
        print("  None is to be had: browser tests will be skipped, and in CI they fail.", flush=True)
    return found


# ---- how programs are started ----------------------------------------------------------------


def environment() -> dict[str, str]:
    """This process's environment, with the programs of .venv found first."""
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "VIRTUAL_ENV": str(VENV)}
    return {**os.environ, **quiet, "PATH": path}


def run(command: list[str | Path], **variables: str) -> None:
    """Run a command that has to succeed, with more variables; name it when it does not."""
    try:
        subprocess.run(command, env={**environment(), **variables}, check=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        sys.exit(f"\ndev.py stopped: {' '.join(map(str, command[:8]))} ...\n{error}")


def apt_install(*packages: str) -> bool:
    """Install Debian packages where that is allowed without asking anybody."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    subprocess.run(["apt-get", "update", "-qq"], stdin=subprocess.DEVNULL)
    command = ["apt-get", "install", "-yqq", "--no-install-recommends", *packages]
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
