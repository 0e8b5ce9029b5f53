"""Maps: one file, both directions. These are the package's public names."""

from casebridge.mapping.converters import BUILT_IN, with_converters
from casebridge.mapping.interpreter import Exported, Imported
from casebridge.mapping.lineage import Lineage
from casebridge.mapping.maps import Map, MapSet, load_map, load_set, map_files, set_of_maps
from casebridge.mapping.translate import Links, OwnIds

__all__ = [
    "BUILT_IN", "Exported", "Imported", "Lineage", "Links", "Map", "MapSet", "OwnIds", "load_map", "load_set",
    "map_files", "set_of_maps", "with_converters",
]  # fmt: skip
