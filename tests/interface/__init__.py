"""The one table of inputs, outputs and commands, against everything that is said of them elsewhere."""
