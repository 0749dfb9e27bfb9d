"""What every room uses: errors, whole files, the machine and quiet starts."""
