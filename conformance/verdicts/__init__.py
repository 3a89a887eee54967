"""The ledger of verdicts, waivers, and every renderer of them."""
