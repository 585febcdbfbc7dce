"""Takes notices from Alertmanager, writes each to a ledger, and passes it on by e-mail, WeCom and DingTalk."""
