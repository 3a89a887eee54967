"""Mutants of a real server: small defects in Prefect's own source, and what the checks see of them.

    python -m conformance.mutants --sample 300 --seed 1

`inside` is what runs in the server's own environment and knows nothing of this suite; the rest starts such a server,
judges it, and tells what was found.
"""
