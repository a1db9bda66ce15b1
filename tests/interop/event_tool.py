"""Runs event_tool, which writes event files and report pages."""

import pathlib
import subprocess

from conftest import BIN


def run_event_tool(task: str, path: pathlib.Path) -> None:
    subprocess.run([BIN / "event_tool", task, path], check=True, timeout=60)
