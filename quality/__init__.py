"""Quality: what a source looks like, and how faithful, useful and private a synthetic table is.

The table below is every family of measures there is; other packages add theirs through the entry-point group
`proofset.measures`. Importing this package loads no heavy library.
"""

from __future__ import annotations

from proofset.registry import Registry

REGISTRY = Registry(
    "measure family",
    {
        "validity": "quality.validity:FAMILY",
        "sdmetrics": "quality.sdmetrics_reports:FAMILY",
        "fidelity": "quality.fidelity:FAMILY",
        "detection": "quality.detection:FAMILY",
        "coverage": "quality.coverage:FAMILY",
        "utility": "quality.utility:FAMILY",
        "fairness": "quality.fairness:FAMILY",
        "copies": "quality.copies:FAMILY",
        "membership": "quality.membership:FAMILY",
        "singling_out": "quality.singling_out:FAMILY",
        "linkability": "quality.linkability:FAMILY",
        "inference": "quality.inference:FAMILY",
        "disclosure": "quality.disclosure:FAMILY",
        "distances": "quality.distances:FAMILY",
        "canaries": "quality.canaries:FAMILY",
        "pii": "quality.pii_leak:FAMILY",
    },
    "proofset.measures",
)

ON_REQUEST = ("sdmetrics",)
"""Families that are measured only where the spec asks for them."""

__all__ = ["ON_REQUEST", "REGISTRY"]
