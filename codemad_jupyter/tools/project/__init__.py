"""What a project has of its own: its tests, its linters, its packages, its git."""
