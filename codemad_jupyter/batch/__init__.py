"""The ``codemad`` command: one edge of the engine, for terminals, schedulers and pipelines."""
