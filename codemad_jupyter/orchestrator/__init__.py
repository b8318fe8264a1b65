"""The engine: commands go in, events come out. Decisions are pure; effects stand beside them."""
