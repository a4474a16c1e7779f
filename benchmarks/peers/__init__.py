"""Workers: one generator, one table, one process. Each runs in an environment of its own and imports nothing of ours.

`python WORKER.py REQUEST.json` reads what to do, writes a Parquet table and, beside it, a JSON file of figures.
"""
