"""CSV manifests: one input becomes rows for the ledger and quarantined lines for a person."""
