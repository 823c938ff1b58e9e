"""How good churn probabilities are, beside the models that a user would pick instead."""
