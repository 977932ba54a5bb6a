"""The loop, the optimizer and the log; batches, validation and saving come in as functions."""
