"""Import of cases, catalogues and declared figures from files: rows become events, rejected rows go to a file."""
