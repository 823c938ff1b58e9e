"""Features: one NumPy definition for one customer or a million, shared by training and serving."""
