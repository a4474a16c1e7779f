"""Orchestration: the chain as Dagster assets, and the command line. Nothing is imported until it is asked for."""
