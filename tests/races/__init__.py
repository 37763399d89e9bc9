"""Processes that really race and are really killed, on a bare repository of this machine.

What happens when is up to the machine; what is chosen at random is chosen by a seed, which each test prints and which
``RACES_SEED`` sets. ``RACES_SCALE`` multiplies how much is done.
"""
