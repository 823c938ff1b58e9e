"""Sentiment of texts, beside lexica, character n-grams of scikit-learn, SnowNLP and VADER."""
