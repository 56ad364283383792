"""The cloud's API: what goes over the wire, the signature, the credentials, the client."""
