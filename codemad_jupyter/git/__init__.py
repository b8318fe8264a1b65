"""Git, hardened: one way to run it (`repo`), and checkpoints of a folder (`checkpoints`)."""
