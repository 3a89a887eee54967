"""The checks: one pytest module a chapter of the catalogue, and what they share."""
