"""Sentences and labels in English and Chinese, as catalogues."""
