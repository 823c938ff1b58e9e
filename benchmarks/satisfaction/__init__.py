"""How good satisfaction is on the simulated business, where the truth is known."""
