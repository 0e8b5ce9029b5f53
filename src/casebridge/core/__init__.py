"""The case model, the referral and the rules: pure Python, no I/O, no framework."""
