"""Alertmanager → people: every notice is written to a ledger and passed on by e-mail, WeCom and DingTalk."""
