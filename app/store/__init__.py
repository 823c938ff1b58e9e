"""What the service remembers: decisions, reservations, contacts, outcomes, verdicts (SQLAlchemy)."""
