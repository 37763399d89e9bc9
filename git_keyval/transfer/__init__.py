"""Taking a database out of its repositories as text, and putting it in again."""
