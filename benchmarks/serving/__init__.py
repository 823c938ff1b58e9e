"""What an answer costs: CPU per request beside a route that only echoes, memory, and the time to be ready."""
