"""Arms times seeds: runs, the catalogue and how runs execute."""
