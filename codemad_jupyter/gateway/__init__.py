"""Model calls behind one Provider protocol: adapters, wrappers, catalogue. Knows no other service."""
