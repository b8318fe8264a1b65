"""The sandbox: programs of agents start here, kept from everything but what they need."""
