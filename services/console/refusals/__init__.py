"""Refused events for operators, who choose them by filters and see personal numbers masked."""
