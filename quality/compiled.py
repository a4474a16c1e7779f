"""Compiling: the only file of this package that imports numba. Import it inside the function that needs it.

Signatures are explicit, so that each function is compiled once, at import, and then comes from numba's cache. Compiled
functions release the interpreter's lock and share no state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(signature: str) -> Callable[[Function], Function]:
    """Compile with `signature`, keeping the machine code in a cache where a folder for it can be written."""

    def decorate(function: Function) -> Function:
        try:
            fast: Function = numba.njit(signature, cache=True, nogil=True)(function)
        except RuntimeError:  # numba finds no writable folder for its cache
            fast = numba.njit(signature, nogil=True)(function)
        return fast

    return decorate
