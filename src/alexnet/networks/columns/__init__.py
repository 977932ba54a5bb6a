"""One network on several ranks: the paper's two columns, and the scheme of 2014."""
