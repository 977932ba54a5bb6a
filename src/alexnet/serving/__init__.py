"""Answers from a trained network elsewhere: a file that needs none of this, a classifier, a server."""
