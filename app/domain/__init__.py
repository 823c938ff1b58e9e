"""The nouns that every layer shares. Imports nothing of the project."""
