"""Tools: command lines of the libraries proofset stands on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def tool(name: str) -> str:
    """The tool beside the Python that runs, so that no virtual environment need be activated; else the one on PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name
