"""The vocabulary every room shares: specs, evidence, digests, seeds, errors and the workspace.

Nothing here imports a heavy library; `import proofset` is quick and free of side effects.
"""

__version__ = "0.1.0"
