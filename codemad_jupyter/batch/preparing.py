"""What a run is asked to do, and what it begins with: the notebook made ready, its kernel and environment."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codemad_jupyter.batch.cassettes import CassetteChoice
from codemad_jupyter.batch.documents import check_output, import_nbformat, read_notebook
from codemad_jupyter.batch.kernel_environment import MAGIC, asked_models, kernel_environment
from codemad_jupyter.batch.parameters import Parameter, inject, injected_id
from codemad_jupyter.batch.repairs import RepairPolicy
from codemad_jupyter.protocol.errors import UsageError

EXTENSION = "codemad_jupyter"


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run and how."""

    notebook: Path
    output: Path
    parameters: dict[str, Parameter] = field(default_factory=dict)
    kernel: str | None = None
    timeout: float | None = None
    cwd: Path | None = None
    policy: str | None = None
    rules: Path | None = None
    model: str | None = None
    progress: bool = False
    cassette: CassetteChoice | None = None
    sandbox: bool = False
    repair: RepairPolicy = "none"
    repair_budget: float | None = None
    repair_tokens: int | None = None
    report: Path | None = None


def with_settings(given: dict[str, Any], output: Path | None, *, root: Path) -> dict[str, Any]:
    """What was said on the way, and for the rest what the workspace's settings say: whether failing cells
    are repaired and for how much, and the report beside the output. A None in ``given`` was not said."""
    from codemad_jupyter.config.settings import load_settings

    said = {name: value for name, value in given.items() if value is not None}
    settings = load_settings(root)
    for name in ("repair", "repair_budget", "repair_tokens"):
        said.setdefault(name, getattr(settings, name))
    if settings.run_report != "none" and output is not None:
        said.setdefault("report", output.with_suffix(f".report.{settings.run_report}"))
    return said


def prepare(order: Order) -> Any:
    """The notebook as it will be executed: parameters injected, old outputs gone, kernel known."""
    notebook = read_notebook(order.notebook)
    check_output(order.notebook, order.output)
    if order.cwd is not None and not order.cwd.is_dir():
        raise UsageError(f"The working folder {order.cwd} does not exist.", hint="Name a folder with --cwd.")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
    _choose_kernel(notebook, order.kernel)
    if order.parameters:
        _inject(notebook, order.parameters)
    return notebook


def _inject(notebook: Any, parameters: dict[str, Parameter]) -> None:
    language = notebook.metadata["kernelspec"].get("language", "python")
    if language.lower() != "python":
        raise UsageError(
            f"Parameters are written as Python, and this notebook's kernel speaks {language}.",
            hint="Run it without -p and -r.",
        )
    cell = import_nbformat().v4.new_code_cell()
    if notebook.get("nbformat_minor", 0) >= 5:
        cell["id"] = injected_id(notebook.cells)
    else:
        del cell["id"]
    notebook.cells = inject(notebook.cells, parameters, cell)
    notebook.metadata["codemad"] = {"parameters": dict(parameters)}


def _choose_kernel(notebook: Any, wanted: str | None) -> None:
    """Write the kernel into the notebook's metadata. Raises `UsageError` when it is not installed."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    name = wanted or notebook.metadata.get("kernelspec", {}).get("name") or "python3"
    try:
        spec = manager.get_kernel_spec(name)
    except NoSuchKernel as error:
        installed = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise UsageError(
            f"The kernel {name} is not installed.", hint=f"Name one with --kernel; installed: {installed}."
        ) from error
    notebook.metadata["kernelspec"] = {
        "display_name": spec.display_name,
        "language": spec.language,
        "name": name,
    }


def _sources(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def arguments(notebook: Any) -> list[str]:
    """Load the magics into a Python kernel whose notebook uses them and does not load them itself."""
    sources = _sources(notebook)
    spec = notebook.metadata["kernelspec"]
    uses = any(MAGIC.search(source) for source in sources)
    loads = any(f"load_ext {EXTENSION}" in source for source in sources)
    if uses and not loads and spec["language"] == "python" and spec["name"] != "codemad":
        return [f"--ext={EXTENSION}"]
    return []


def environment(order: Order, notebook: Any) -> dict[str, str]:
    models = asked_models(_sources(notebook))
    if order.cassette is not None and order.cassette.mode == "replay":
        models = set()
    if "" in models:
        models = (models - {""}) | {order.model or _default_model(order)}
    environment = kernel_environment(os.environ, models)
    environment["CODEMAD_HEADLESS"] = "1"
    if order.policy:
        environment["CODEMAD_POLICY"] = order.policy
    if order.rules:
        environment["CODEMAD_PERMISSIONS"] = _rules(order.rules)
    if order.model:
        environment["CODEMAD_MODEL"] = order.model
    return environment | (order.cassette.environment if order.cassette is not None else {})


def _rules(path: Path) -> str:
    """The rules of a file, as the kernel's environment holds them. Raises `UsageError`."""
    from codemad_jupyter.config.fields import checked
    from codemad_jupyter.config.private_files import read_bounded
    from codemad_jupyter.config.settings import Settings
    from codemad_jupyter.config.toml_files import parse

    data = read_bounded(path)
    if data is None:
        raise UsageError(f"{path} does not exist.", hint="Name a TOML file with tables [[permissions]].")
    table = parse(data, path)
    rules = checked(Settings, ("permissions",), table.get("permissions"), place=str(path), shown="this")
    return json.dumps([rule.model_dump() for rule in rules])


def _default_model(order: Order) -> str:
    from codemad_jupyter.config.settings import load_settings
    from codemad_jupyter.gateway.configuration import GatewayConfig
    from codemad_jupyter.gateway.router import Router

    settings = load_settings(order.cwd or Path.cwd())
    return Router(GatewayConfig(**settings.gateway()), redact=settings.redact).default_model()
