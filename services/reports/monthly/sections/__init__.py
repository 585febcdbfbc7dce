"""The report's parts, one a file: from the report's figures to its words and tables."""
