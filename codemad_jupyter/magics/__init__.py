"""The %codemad magics: one edge of the engine, drawn in cell outputs and terminals."""
