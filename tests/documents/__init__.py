"""The documents: their code works, their links lead somewhere, and they name what there is."""
