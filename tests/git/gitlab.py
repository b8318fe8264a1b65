"""Folders and repositories for the tests of the git room, made with the real git."""

import os
import stat
import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str, check: bool = True, data: bytes = b"") -> str:
    """What the person's own git says there."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=data, capture_output=True, check=check, timeout=60
    )
    return done.stdout.decode("utf-8", "surrogateescape")


def repository(folder: Path, *, commit: bool = True) -> Path:
    """A repository of what is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    if commit:
        git(folder, "-c", "core.protectNTFS=false", "add", "-A")  # takes names like git~1 too
        git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def fill(folder: Path, files: dict[str, bytes | str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def manifest(folder: Path, *, without: tuple[str, ...] = (".git",)) -> dict[str, tuple[str, int, bytes]]:
    """Every path below the folder: its type, permission bits and content or target."""
    found: dict[str, tuple[str, int, bytes]] = {}
    for path in sorted(folder.rglob("*")):
        key = path.relative_to(folder).as_posix()
        if any(key == name or key.startswith(f"{name}/") for name in without):
            continue
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            found[key] = ("link", 0, os.fsencode(path.readlink()))
        elif stat.S_ISDIR(status.st_mode):
            found[key] = ("folder", 0, b"")
        elif stat.S_ISREG(status.st_mode):
            found[key] = ("file", stat.S_IMODE(status.st_mode), path.read_bytes())
        else:
            found[key] = ("special", stat.S_IMODE(status.st_mode), b"")
    return found
