"""What is done about signals: they are accepted, matched, and become update commits or requests to workloads."""
