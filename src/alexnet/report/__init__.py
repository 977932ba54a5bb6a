"""The whole story of a run, or several compared, as one page that needs nothing beside it."""
