"""Connects the services to the engine, and offers it to the edges."""
