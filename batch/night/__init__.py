"""One night: load what came, look before paying, submit, reconcile, report."""
