"""What is put before the model: search, rules, rendering of live state, and the budget."""
