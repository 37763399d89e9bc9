"""What lints the documents: npm packages, and proselint on what is not code."""
