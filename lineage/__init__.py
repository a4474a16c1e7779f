"""Lineage: who may sign, what was recorded, what was approved, what was released, and how anyone checks it.

Nothing here trusts a stored conclusion: digests, verdicts and tallies are recomputed from the evidence wherever
they are believed.
"""
