"""Use cases: which release answers, and how. No HTTP here; bulk scoring uses the same."""
