"""The pictures of the documents, each made from a real run."""
