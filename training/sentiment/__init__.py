"""Learning sentiment: rated texts, word lists, the fit, and the model card."""
