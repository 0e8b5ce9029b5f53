"""The flow: five stops, one direction. Begin with ``flow.py``."""
