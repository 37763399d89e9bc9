"""Every command and job with every request failing once."""
