"""Refused events as operators look at them: chosen by filters, shown with numbers of persons hidden."""
