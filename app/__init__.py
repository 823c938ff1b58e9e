"""The service: loads published artifacts and answers for the customer payload sent now."""
