"""Git, run safely: checkpoints of the workspace that leave no trace in the person's repository."""
