"""From parsed inputs to an answer: opens the store, binds the inputs to the command's function, and calls it."""
