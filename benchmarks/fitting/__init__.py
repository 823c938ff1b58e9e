"""How fast and how surely buy-till-you-die models are fitted, beside the `lifetimes` package."""
