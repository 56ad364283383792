"""The crash test that ships with the product: real workers, really killed, and a meter."""
