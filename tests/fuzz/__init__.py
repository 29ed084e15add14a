"""Random input for everything that reads what strangers write: see `__main__`."""
