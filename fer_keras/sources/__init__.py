"""One reader a file: each turns a stored form of a data set into `Splits`."""
