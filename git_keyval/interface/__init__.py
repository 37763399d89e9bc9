"""What users see, as data: inputs, outputs and commands. action.yml, the terminal command and the docs are checked against it."""
