"""What tests share: a PostgreSQL, an emulator, the command line, the ledger as a test sees it."""
