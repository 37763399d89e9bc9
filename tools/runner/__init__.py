"""Workflows run by ``act``, a runner that nobody here wrote, in real containers; what it did is compared with our own reading."""
