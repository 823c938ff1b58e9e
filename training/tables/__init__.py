"""Read, map, validate, clean and fingerprint the canonical tables of one business."""

from training.tables.business import Attribute, Business, load_business
from training.tables.findings import Finding
from training.tables.read import read_tables
from training.tables.tables import Labels, Tables

__all__ = ["Attribute", "Business", "Finding", "Labels", "Tables", "load_business", "read_tables"]
