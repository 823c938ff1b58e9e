"""Value and timing of purchases, beside naive rates, a hiatus rule and the lifetimes package."""
