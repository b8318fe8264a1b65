"""Notebook documents and kernels: cells by id, ports, safe inspection, trials. Knows no other service."""
