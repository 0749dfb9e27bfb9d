"""What all layers use: errors, whole files, the machine, quiet starts."""
