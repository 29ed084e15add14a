"""What can go wrong, and what must happen: a test carries the id of its row in docs/faults.md."""
