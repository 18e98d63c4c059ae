"""Items become vectors and topics."""
