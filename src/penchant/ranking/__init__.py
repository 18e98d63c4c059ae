"""Every source's opinion put into one order."""
