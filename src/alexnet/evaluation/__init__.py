"""How good a network is: counts of errors, intervals, and scores saved so that models can be averaged."""
