"""A first fleet file and site file made from what runs: everything is read, nothing is changed."""
