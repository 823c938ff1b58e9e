"""How a fitted model answers and explains itself."""
