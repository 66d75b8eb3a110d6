"""Each check of `scripts/validation/` holds, and the page shows all of them."""

import importlib
import pkgutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import scripts.validation

ROOT = Path(__file__).resolve().parents[1]
FILES = [module.name for module in pkgutil.iter_modules(scripts.validation.__path__)]
PAGE = (ROOT / "docs/validation.md").read_text()


def test_there_are_files():
    assert {"ballistic", "glide", "launches", "satellites"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_check_holds_and_is_on_the_page(name):
    checks = importlib.import_module(f"scripts.validation.{name}").checks()
    assert checks
    wrong = [f"{check.what}: {check.computed} for {check.expected} {check.unit}" for check in checks if not check.holds]
    assert not wrong
    missing = [check.what for check in checks if f"| {check.what} |" not in PAGE]
    assert not missing, "run scripts/make_validation.py"
    assert all(check.source for check in checks)
    assert len({check.what for check in checks}) == len(checks)
