"""Read, map, validate, clean and fingerprint the canonical tables of one business."""

from training.tables.business import Attribute, Business, load_business
from training.tables.findings import Finding
from training.tables.read import Labels, Tables, read_tables

__all__ = ["Attribute", "Business", "Finding", "Labels", "Tables", "load_business", "read_tables"]
