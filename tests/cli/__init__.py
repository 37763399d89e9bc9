"""The terminal command: what people type, and what scripts read."""
