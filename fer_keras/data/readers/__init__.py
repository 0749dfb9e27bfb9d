"""One reader for each form in which faces are stored."""
