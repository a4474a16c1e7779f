"""Kinds of ledger entries."""

from __future__ import annotations

CANDIDATE, APPROVAL, RELEASE, DENIAL = "candidate", "approval", "release", "denial"
REVOCATION, DRIFT, AUDIT = "revocation", "drift", "audit"
REPRODUCTION, DOWNLOAD, INCIDENT = "reproduction", "download", "incident"
"""The subject is a candidate's digest; of a drift the dataset, of a revocation its target."""
