"""A look inside a network: takes a network and images, knows neither recipes nor run folders."""
