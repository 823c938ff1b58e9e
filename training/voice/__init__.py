"""The voice of the customer: what feedback and support cases say, as a report."""
