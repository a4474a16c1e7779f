"""Quality: what a source looks like, and how faithful, useful and private a synthetic table is.

The table below is every family of measures there is; other packages add theirs through the entry-point group
`proofset.measures`. Importing this package loads no heavy library.
"""

from __future__ import annotations

from proofset.registry import Registry

REGISTRY = Registry(
    "measure family",
    {
        "diagnostic": "quality.sdmetrics_reports:DIAGNOSTIC",
        "sdmetrics": "quality.sdmetrics_reports:QUALITY",
        "fidelity": "quality.fidelity:FAMILY",
        "detection": "quality.detection:FAMILY",
        "utility": "quality.utility:FAMILY",
        "copies": "quality.copies:FAMILY",
        "membership": "quality.membership:FAMILY",
    },
    "proofset.measures",
)

__all__ = ["REGISTRY"]
