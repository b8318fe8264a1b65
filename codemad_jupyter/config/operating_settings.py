"""The settings about what CodeMAD writes down of its own work."""

from typing import Literal

from pydantic import Field

from codemad_jupyter.config.model_settings import ModelSettings

LogLevel = Literal["off", "error", "warning", "info", "debug"]


class OperatingSettings(ModelSettings):
    """A part of `settings.Settings`."""

    log_level: LogLevel = Field(
        "info",
        description="What the log (codemad logs) holds: off, error, warning, info (also each step of a run,"
        " without its words) or debug.",
    )
    log_size: int = Field(
        5_000_000,
        ge=10_000,
        le=1_000_000_000,
        description="How large the log may grow before a new one is begun; four old ones are kept: bytes.",
    )
