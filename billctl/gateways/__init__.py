"""billctl's own gateways, one package each; they come through entry points, like any other plugin."""
