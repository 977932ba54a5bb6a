"""Each verb of the command line as one function: opens, connects the stages, returns a value."""
