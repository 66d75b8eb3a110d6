"""Many nodes' tracks to one picture."""

from noroshi.fusion.association import Rules
from noroshi.fusion.core import Fusion, Lineage, number_of
from noroshi.fusion.settings import Settings

__all__ = ["Fusion", "Lineage", "Rules", "Settings", "number_of"]
