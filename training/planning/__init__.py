"""The planning report: what the customers of today will bring, who moved, what segments buy."""
