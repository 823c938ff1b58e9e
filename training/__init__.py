"""The offline half: turns plain tables into versioned artifacts."""
