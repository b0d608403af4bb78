"""Reports: reads what happened, decides nothing."""
