"""The wire types: what a caller may send, what it gets back, and the way from one to columns."""
