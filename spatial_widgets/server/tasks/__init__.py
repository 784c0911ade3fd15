"""The analyses of the local service, one module each; importing this package registers them."""
