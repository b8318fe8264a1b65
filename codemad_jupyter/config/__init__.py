"""Settings, keys and places: what a person chose, where it came from, and what must not leave."""
