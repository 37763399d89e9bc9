"""Random steps on random, hostile stores: whatever is asked of whatever is found, a step ends as a step has to.

The seed of a step draws all of it: the store, the command, its inputs and the place. ``make fuzz`` runs many of them.
"""
