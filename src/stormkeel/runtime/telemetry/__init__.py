"""Those who want to know: sinks for metrics, logs and statistics, one file each. They are told; they never decide."""
