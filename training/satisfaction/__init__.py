"""Learning satisfaction: rows, ladder, who answers, and the model card."""
