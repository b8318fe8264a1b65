"""The edge that Jupyter Server loads: REST, one WebSocket per tab, and the link for kernels."""
