"""Recommendations on public purchases and the simulated business, beside what a user would pick instead."""
