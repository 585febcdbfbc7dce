"""Refused events for operators: chosen by filters, shown with personal numbers masked."""
