"""HTTP only: parse, call one use case, answer. One file per resource."""
