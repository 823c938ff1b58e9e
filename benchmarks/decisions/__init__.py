"""What a decision costs: its CPU time without the store, and how many a second are written durably."""
