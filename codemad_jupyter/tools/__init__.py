"""What an agent may do, and the one gate in front of it (`executor`)."""
