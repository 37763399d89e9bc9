"""What only GitHub does: its costs, its limits, its faults."""
