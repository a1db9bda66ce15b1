"""Runs build/bin/event_tool; DFM_BIN names another folder of programs."""

import os
import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def run_event_tool(task: str, path: pathlib.Path) -> None:
    programs = pathlib.Path(os.environ.get("DFM_BIN", REPOSITORY / "build" / "bin"))
    subprocess.run([programs / "event_tool", task, path], check=True, timeout=60)
