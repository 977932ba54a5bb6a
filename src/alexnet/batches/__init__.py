"""From a packed split to batches: the order of an epoch, the views of its images, and the loader."""
