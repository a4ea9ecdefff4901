"""The law of causality, proven in every run: components asked again about less must say the same."""
