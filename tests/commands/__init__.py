"""What each command promises, on a store in memory and on a bare repository."""
