"""The session store: one DuckDB file per workspace, owned by one process."""
