"""Learning from contacts what actions do: effects, answers, and the playbook that they serve."""
