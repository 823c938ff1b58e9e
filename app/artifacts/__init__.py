"""Trained models as files: the manifest, the formats, the reader and the writer."""
