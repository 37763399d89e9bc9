"""What a key is, and the only way to change one: views of keys, maps and arrays, decisions on them, and what performs these."""
