"""What each maintenance job promises, on a store in memory and on a bare repository."""
