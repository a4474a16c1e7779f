"""Pages: Dagster's and MLflow's own servers for a workspace, on loopback, as long as somebody looks."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable

from orchestration.instance import dagster_home
from orchestration.tools import tool
from proofset.errors import WorkspaceError
from proofset.workspace import Workspace

HOST = "127.0.0.1"


def free_port(wanted: int) -> int:
    """The first free loopback port from `wanted` on. Raises WorkspaceError when a hundred are taken."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise WorkspaceError(f"No free port from {wanted} on.", fix="Name another with --dagster-port or --mlflow-port.")


def start(workspace: Workspace, dagster_port: int, mlflow_port: int) -> dict[str, tuple[str, subprocess.Popen[bytes]]]:
    """Start both servers; returns name -> (address, process). The caller ends the processes."""
    home = dagster_home(workspace)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "PROOFSET_WORKSPACE": str(workspace.root),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    ports = {"Dagster": free_port(dagster_port), "MLflow": free_port(mlflow_port)}
    artifacts = (workspace.state / "mlflow").as_uri()
    commands = {
        "Dagster": [tool("dagster"), "dev", "-m", "orchestration.definitions", "-h", HOST, "-p"],
        "MLflow": [tool("mlflow"), "server", "--backend-store-uri", workspace.tracking_uri,
                   "--default-artifact-root", artifacts, "--workers", "1", "--host", HOST, "--port"],
    }  # fmt: skip
    log_folder = workspace.state / "logs"
    log_folder.mkdir(parents=True, exist_ok=True)
    running = {}
    for name, command in commands.items():
        with (log_folder / f"{name.lower()}.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, str(ports[name])], env=environment, cwd=workspace.root, stdout=log, stderr=log
            )
        running[name] = (f"http://{HOST}:{ports[name]}", process)
    return running


def serve(workspace: Workspace, dagster_port: int, mlflow_port: int, told: Callable[[str, str], None]) -> None:
    """Start both servers and wait until one ends or the user stops; then end both."""
    running = start(workspace, dagster_port, mlflow_port)
    for name, (url, _) in running.items():
        told(name, url)
    try:
        for _, process in running.values():
            process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        stop(running)


def stop(running: dict[str, tuple[str, subprocess.Popen[bytes]]]) -> None:
    """End the servers, politely first."""
    for _, process in running.values():
        process.terminate()
    for _, process in running.values():
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
