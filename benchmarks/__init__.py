"""Side by side with what a user would pick instead: how good the answers are, and what they cost."""
