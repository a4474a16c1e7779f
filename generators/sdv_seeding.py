"""Seeding: SDV draws from the global random states of Python, numpy and torch, so these are set, and put back."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

_ALONE = threading.RLock()
"""One at a time: two threads that draw from the same global states would not repeat."""


@contextmanager
def seeded(seed: int, threads: int = 1) -> Iterator[None]:
    """Seed the global random states and pin the number of threads; put everything back as it was, also on an error.

    threads: of torch, BLAS and OpenMP. Sums in another order differ in their last bits, so the number is part of what
    decides the result; joblib starts no processes of its own.
    """
    import torch
    from joblib import parallel_config
    from threadpoolctl import threadpool_limits

    with _ALONE:
        plain, before, torch_before = random.getstate(), np.random.get_state(), torch.random.get_rng_state()  # noqa: NPY002
        cuda_before = torch.cuda.get_rng_state_all()  # of every device; often there is none
        threads_before = torch.get_num_threads()
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            with threadpool_limits(threads), parallel_config("sequential"):
                yield
        finally:
            torch.set_num_threads(threads_before)
            random.setstate(plain)
            np.random.set_state(before)  # noqa: NPY002
            torch.random.set_rng_state(torch_before)
            torch.cuda.set_rng_state_all(cuda_before)
