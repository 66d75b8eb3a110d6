"""Many nodes' tracks to one picture."""

from noroshi.fusion.association import Rules
from noroshi.fusion.core import CROWDS, Fusion, Lineage, number_of
from noroshi.fusion.registration import Biases, Registering
from noroshi.fusion.settings import Settings

__all__ = ["CROWDS", "Biases", "Fusion", "Lineage", "Registering", "Rules", "Settings", "number_of"]
