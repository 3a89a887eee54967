"""What the suite costs: measured beside a bare client and plain Schemathesis, in one run, on one machine."""
