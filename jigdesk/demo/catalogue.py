"""Every node class that the demo engine has."""

from __future__ import annotations

from jigdesk.demo.folders import Folders
from jigdesk.demo.nodes_files import file_nodes
from jigdesk.demo.nodes_images import image_nodes
from jigdesk.demo.nodes_refine import refine_nodes
from jigdesk.demo.schema import Catalogue


def catalogue(folders: Folders) -> Catalogue:
    """The node classes by name, bound to the engine's folders."""
    classes = (*image_nodes(), *file_nodes(folders), *refine_nodes())
    return {each.name: each for each in classes}
