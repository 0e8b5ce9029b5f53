"""The ledger and the records: all SQL of the project lives in this folder."""
